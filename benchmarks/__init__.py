"""How fast it is, beside what one would write by hand: `python -m benchmarks`, explained in README.md."""
