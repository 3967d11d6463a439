"""Other formats of agreements: what exists comes in as `.sla` text, and goes out again.

One folder a format, and no format knows another. Both directions pass through the checked form: what is imported is
checked like any text, and what is exported is an agreement without errors.
"""
