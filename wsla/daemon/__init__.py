"""The daemon behind `wsla run`: probes, judges, stores and delivers, without end."""
