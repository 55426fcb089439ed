"""Which variables of a file are read, and what each of them is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from cgdenoise.errors import MeasurementError

ROLES = ("y", "mask", "maps", "A", "shape", "sigma", "noise")
"""What a variable may be: measurements, where they were made, coil sensitivities, matrix, shape of the image, noise level,
samples without a signal (docs/measurements.md). A variable of that name is it, unless the user names another."""

SAVED = ("operator", "seed", "real")
"""What .npz files hold besides, that `cs --save-measurements` writes: they say which named operator it was."""


AS_NAMED: Mapping[str, str] = MappingProxyType({})
"""No other names than those."""


@dataclass(frozen=True)
class Selection:
    """What is wanted of a file.

    Attributes
    ----------
    needed : str
        The role without which the file is of no use.
    optional : tuple of str
        Other roles.
    variables : mapping of str to str
        From roles to the names that variables have in the file. The others have the name of their role.
    """

    needed: str = "y"
    optional: tuple[str, ...] = ROLES[1:]
    variables: Mapping[str, str] = field(default_factory=dict)

    def of(self, found: Sequence[str], is_numeric: Callable[[str], bool], kind: str) -> dict[str, str]:
        """Return the names, by role, of the variables to read.

        If none has the needed name, it is the only one with numbers that is nothing else, if there is one, or what is called y.

        Parameters
        ----------
        found : sequence of str
            Names of all that there is.
        is_numeric : callable
            Tells whether a variable is an array of numbers.
        kind : str
            What variables are called in such files.

        Raises
        ------
        MeasurementError
            If something needed or asked for is not there.
        """
        roles = (self.needed, *self.optional)
        named = {role: self.variables.get(role, role) for role in roles}
        absent = [role for role in roles if named[role] not in found]
        listed = ", ".join(sorted(found)) or "nothing"
        if wrong := [role for role in absent if role in self.variables]:
            raise MeasurementError(f"no {kind} {named[wrong[0]]}, which was to be {wrong[0]}; found {listed}")
        chosen = {role: name for role, name in named.items() if role not in absent}
        if self.needed not in chosen:
            others = [name for name in found if name not in (*chosen.values(), *ROLES, *SAVED) and is_numeric(name)]
            if self.needed != "y" and "y" in found:
                others = ["y"]
            if len(others) != 1:
                advice = "say which it is: --variable y=NAME" if self.needed == "y" else "expected that, or one array alone"
                raise MeasurementError(f"no {kind} {self.needed}; found {listed}" + (f"; {advice}" if others else ""))
            chosen[self.needed] = others[0]
        return chosen
