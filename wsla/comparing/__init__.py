"""What changed from one version of an agreement to the next: for whom, and which way."""
