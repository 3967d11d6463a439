"""Other formats that agreements and what they ask for are written in and read from."""
