"""What is measured: time, peak memory and the answer beside them."""
