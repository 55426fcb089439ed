"""The paper's figures and theorem, measured again: one module an experiment, `registry` has them all."""
