"""How fast and how cheap it is: `make bench` measures everything in one run, side by side with what one would write."""
