"""The batch evaluator: years of history in columns, judged as the reference does, to the last digit."""
