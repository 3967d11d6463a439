"""Opens stores as a user who may not write them: ``without_rights.py FOLDER``."""

from __future__ import annotations

import os
import sys

from wsla.store.errors import StoreError
from wsla.store.sqlite import Store

NOBODY = 65534


def main(folder: str) -> None:
    """Try a new store and read and write old ones: in a folder sealed against writing, and in a sealed file."""
    sealed, opened = os.path.join(folder, "sealed"), os.path.join(folder, "open")
    for place in (sealed, opened):
        os.mkdir(place)
        with Store.open(os.path.join(place, "old.db"), writer=True) as store:
            store.register_agreement("shop", title="", version=1, text="", sha256="", at=0)
        os.remove(os.path.join(place, "old.db.lock"))
    os.chmod(os.path.join(opened, "old.db"), 0o444)
    os.chmod(opened, 0o777)
    os.chmod(sealed, 0o555)
    if os.geteuid() == 0:
        os.setuid(NOBODY)
    attempt(os.path.join(sealed, "new.db"), writer=True)
    attempt(os.path.join(sealed, "old.db"), writer=True)
    attempt(os.path.join(sealed, "old.db"), writer=False)
    attempt(os.path.join(opened, "old.db"), writer=True)


def attempt(path: str, *, writer: bool) -> None:
    """Say what opening gives."""
    try:
        with Store.open(path, writer=writer) as store:
            print("opened", len(store.agreements()))
    except StoreError as error:
        print(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
