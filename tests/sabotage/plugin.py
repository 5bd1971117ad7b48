"""A pytest plugin that breaks the gateway before its tests are collected: the mutation that $SABOTAGE names."""

import os

from tests.sabotage.mutations import MUTATIONS

MUTATIONS[os.environ["SABOTAGE"]].apply()
