"""The explorer: one self-contained page about a network, assembled here from small JavaScript modules."""
