"""What iCalendar files (RFC 5545) say: lines with places, zones, times, and when events recur.

Untrusted text comes in; out come events and diagnostics. The library `icalendar` reads values and zones, `dateutil`
works out recurrences; both are loaded when a file is read.
"""
