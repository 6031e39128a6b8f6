"""Networks and what they did, for the eye: tables, diagrams, pages. Nothing here needs torch."""
