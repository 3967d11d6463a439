"""Services that stand on other services: what may be promised of them, what may be owed, what may be recovered."""
