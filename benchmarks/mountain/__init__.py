"""The parts of the analytic benchmark: problem, sections, layout, lattice, grade line, refinement."""
