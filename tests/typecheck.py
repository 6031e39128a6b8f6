"""What checks the annotations of `resnets` in tests: beartype, where a whole number will do for a float (PEP 484)."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
