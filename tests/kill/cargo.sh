#!/bin/sh
# A cargo that has built everything already: says what the real one said.
exec cat "$CARGO_SAID"
