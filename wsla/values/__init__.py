"""What everything is made of: instants and intervals, calendars and schedules, quantities, money."""
