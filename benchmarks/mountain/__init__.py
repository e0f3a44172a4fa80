"""The parts of the analytic benchmark, from the sections of a road to the search for it."""
