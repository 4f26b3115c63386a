"""Groups: a step with `tokens:` stands for one step per token; who waits for the group waits for each of them."""

from collections.abc import Iterable, Mapping, Sequence

from prober.config import schema


def members(step: schema.AnyStepForm) -> tuple[schema.AnyStepForm, ...]:
    """The steps that a step stands for: itself, or one for each of its tokens."""
    if not isinstance(step, schema.AnyBearingForm) or not step.tokens:
        return (step,)
    return tuple(
        step.model_copy(update={"name": f"{step.name}-{token}", "token": token, "tokens": ()}) for token in step.tokens
    )


def spread(steps: Sequence[schema.AnyStepForm]) -> tuple[schema.AnyStepForm, ...]:
    """All steps, groups taken apart; whoever needs a group, or comes after one, does so with each of its steps."""
    groups = {step.name: [member.name for member in members(step)] for step in steps}
    return tuple(_waiting(member, groups) for step in steps for member in members(step))


def _waiting(step: schema.AnyStepForm, groups: Mapping[str, list[str]]) -> schema.AnyStepForm:
    return step.model_copy(update={"needs": _each(step.needs, groups), "after": _each(step.after, groups)})


def _each(names: Iterable[str], groups: Mapping[str, list[str]]) -> tuple[str, ...]:
    return tuple(each for name in names for each in groups.get(name, [name]))
