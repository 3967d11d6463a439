"""What the daemon shows over HTTP: pages for people, a REST API, metrics, health."""
