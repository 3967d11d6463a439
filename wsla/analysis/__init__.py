"""Surface tree to checked agreement: names, shapes, units, tiers, time; every problem in one pass."""
