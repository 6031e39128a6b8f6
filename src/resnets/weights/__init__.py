"""Other people's checkpoints -> our names: layouts, published weights, the Hub, conversion."""
