"""What probes of all kinds share: names, addresses and how far they reach, connections, TLS, and words for failures."""
