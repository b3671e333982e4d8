"""What this site adds to Sphinx: pages made from the code, formulas without a network, and our docstrings."""
