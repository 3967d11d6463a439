"""What was promised, measured, missed and owed, as rows for people and as values for machines."""
