"""From points and a standard to an alignment: tangents, clothoids, arcs, grades and parabolas."""
