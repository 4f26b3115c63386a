"""THE VOCABULARY. Frozen values and closed sets that flow through the program; standard library only."""
