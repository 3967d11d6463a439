"""Where the data is: stage one of judging runs in the store, and partial results come back."""
