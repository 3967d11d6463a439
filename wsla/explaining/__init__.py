"""Why a verdict came out as it did: from the goal down to what was observed, and on to what followed."""
