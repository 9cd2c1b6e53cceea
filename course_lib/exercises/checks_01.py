"""Tests of the exercises of notebook 01; torch is loaded inside them only."""

from __future__ import annotations

import math
from typing import Any

from course_lib.exercises.asserting import called, equal, number, of_shape, require, same, short
from course_lib.exercises.bounded_loss import check_bounded_loss
from course_lib.exercises.model import NotYet, exercise


def _logits(rows: int, classes: int, seed: int) -> Any:
    import torch

    return torch.randn(rows, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2


@exercise(
    "01.1", title="The yardstick", minutes=5, kind="warm-up",
    trains="knowing the loss of a model that has learnt nothing",
    hints=("A label that makes up the share q of all labels gets the probability q, always.",
           "Its price is then -log(q), with the natural logarithm. How often is it paid?",
           "Sum of -q * log(q) over the labels that occur. Count them with `collections.Counter`."),
)
def test_base_rate_loss(answer: Any) -> None:
    """Compare on lists of labels with one, two and several classes."""
    cases = [([1, 0, 0, 1, 0, 1], 0.6931472), ([0] * 9 + [1], 0.325083), ([0, 1, 2, 3, 4, 5, 6], 1.9459101), ([4, 4, 4], 0.0),
             ([2, 2, 0, 2, 0, 7], 1.0114043), ([5] * 30 + [1, 2], 0.2771134)]
    for labels, expected in cases:
        case = f"the labels {short(labels)}"
        found = number(called(answer, list(labels), when=case), when=case)
        require(not (expected and math.isclose(found, expected / math.log(2), rel_tol=1e-5)),
                f"for {case} it gave {found:.4f}, which is in bits; expected {expected:.4f} nats")
        same(found, expected, when=case, tolerance=1e-5)


@exercise(
    "01.2", title="A stable softmax, says its author", minutes=6, kind="mend",
    trains="which dimension a maximum and a sum are taken over",
    hints=("One row is right. What do two rows share here that they should not?",
           "Over which dimension should the probabilities add up to one? The maximum has to be taken over the same.",
           "`z.max(dim=-1, keepdim=True).values`, and the sum with `dim=-1, keepdim=True` too."),
)
def test_softmax(answer: Any) -> None:
    """Compare with torch on rows of like and unlike size, on large logits, and on three dimensions."""
    import torch

    far = torch.tensor([[0.0, 1.0], [-2000.0, -2001.0]], dtype=torch.float64)
    cases = {"one row": _logits(1, 4, 1), "two rows": _logits(2, 3, 2), "a row far below the other": far,
             "a row from -2000 to 2000": torch.tensor([[-2000.0, 0.0, 2000.0]], dtype=torch.float64),
             "logits near 5000": _logits(3, 3, 3) + 5000, "one vector": _logits(1, 5, 4)[0],
             "a block of 2 notes, 3 words, 4 tags": _logits(6, 4, 5).reshape(2, 3, 4)}
    for case, z in cases.items():
        found = called(answer, z.clone(), when=case)
        of_shape(found, z.shape, when=case)
        require(bool(torch.isfinite(found).all()), f"for {case} some probabilities are not finite: {short(found)}")
        same(found, torch.softmax(z, dim=-1), when=case, tolerance=1e-6)


@exercise(
    "01.3", title="The loss of an epoch", minutes=8, kind="mend",
    trains="sum first, divide once, over real labels only",
    hints=("Compute it for one batch of ten labels, and for the same ten in batches of 8 and 2. Which labels count more?",
           "`F.cross_entropy(s, t, reduction='sum')` gives the sum over real labels. How many are real?",
           "Keep two numbers, total and count (`(t != -100).sum()`), over all batches; divide after the loop."),
)
def test_epoch_loss(answer: Any) -> None:
    """The same labels in several batches, with ignored labels, and with a batch that has no real label."""
    import torch

    for i, sizes in enumerate(((10,), (7, 3), (5, 5), (1, 9), (2, 2, 2, 2, 2), (3, 4, 3), (4, 2, 4))):
        scores, tags = _logits(10, 3, 6 + i // 6), torch.tensor([0, 1, 2, -100, -100, -100, -100, 0, 0, 1])
        expected = float(torch.nn.functional.cross_entropy(scores, tags))
        case = f"ten labels, four of them -100, in batches of {', '.join(map(str, sizes))}"
        batches = list(zip(scores.split(sizes), tags.split(sizes), strict=True))
        found = called(answer, batches, when=case)
        value = float(found) if isinstance(found, float | torch.Tensor) and torch.as_tensor(found).numel() == 1 else None
        require(value is None or not math.isnan(value), f"for {case} it gave nan: one batch has no real label")
        same(number(found, when=case), expected, when=case, tolerance=1e-5)


@exercise(
    "01.4", title="Two steps thrown away", minutes=8, kind="mend",
    trains="a schedule in which every batch counts",
    hints=("Print the factors of 10 steps with 4 of warm-up. What does the first batch change, and the last?",
           "`step` counts from 0. After the warm-up, how many steps are still to come, the present one included?",
           "On the way up count from 1 and go one beyond the warm-up; on the way down divide what is left by what the fall has."),
)
def test_schedule(answer: Any) -> None:
    """Judge by rules: no factor 0 or nearly 0, up evenly to 1 in the warm-up, then down evenly."""
    for steps, warmup in ((10, 4), (20, 4), (6, 1), (8, 0), (100, 10)):
        case = f"{steps} steps with {warmup} of warm-up"
        factors = [number(called(answer, s, steps, warmup, when=f"step {s} of {case}"), when=f"step {s} of {case}")
                   for s in range(steps)]
        for step, beside in ((0, factors[1]), (steps - 1, factors[-2])):
            require(factors[step] > 0 and 4 * factors[step] >= beside, f"for {case} step {step} has the factor {factors[step]:g} "
                    f"and the step beside it {beside:g}: its batch is read and changes nothing, or nearly so")
        require(min(factors) > 0 and abs(max(factors) - 1) < 1e-6,
                f"for {case} the factors go from {min(factors):g} to {max(factors):g}, expected all above 0 and 1 as the highest")
        top = factors.index(max(factors))
        require(max(0, warmup - 1) <= top <= warmup, f"for {case} the highest factor is at step {top}: {short(factors)}")
        rise, fall = factors[: top + 1], factors[max(top, warmup - 1) :]
        require(_even(rise, 1) and (warmup == 0 or rise[0] <= 1 / warmup + 1e-6),
                f"for {case} the warm-up is not an even rise: {short(rise)}")
        require(_even(fall[1:], -1) and fall[-1] <= 2.01 / (steps - warmup),
                f"for {case} after the warm-up it should fall evenly, nearly to 0: {short(fall)}")


def _even(values: list[float], sign: int) -> bool:
    steps = [b - a for a, b in zip(values, values[1:], strict=False)]
    return all(sign * d > 0 and abs(d - steps[0]) < 1e-6 for d in steps)


@exercise(
    "01.5", title="A penalty that is always zero", minutes=10, kind="mend",
    trains="references and copies; what has no start to return to",
    hints=("Change a weight by hand, then compare `start` with the model. What did `named_parameters` hand out?",
           "A copy that training does not move, and that has no gradient: `p.detach().clone()`.",
           "The head is new. Leave out each name that begins with `classifier`."),
)
def test_penalty(answer: Any) -> None:
    """Move the weights of small models; the value and its gradient must follow, for the body only."""
    for seed, width, body in ((0, 2, "body"), (1, 4, "bert")):
        model = _parts(width, seed, body)
        penalty, case = called(answer, model, when="a model with a body and a classifier"), "the model as it was"
        require(penalty is not model, "it gave a model, where a function without arguments was expected")
        same(number(called(penalty, when=case), when=case), 0.0, when=case, tolerance=1e-9)
        for moved in (0.5, 2.0):
            start = {n: p.detach().clone() for n, p in model.named_parameters()}
            weights = sum(p.numel() for p in _pretrained(model))
            case, expected = f"a body of {weights} weights, each moved by {moved:g} from its start", moved**2 * weights
            _move(_pretrained(model), moved)
            value = called(penalty, when=case)
            same(number(value, when=case), expected, when=case, tolerance=1e-4)
            _penalty_gradient(model, value, moved, case)
            _move(model["classifier"].parameters(), 3.0)
            same(number(called(penalty, when="a moved classifier"), when="a moved classifier"), expected, tolerance=1e-4,
                 when=f"{case}, and a new classifier that has moved too")
            for name, parameter in model.named_parameters():
                parameter.data.copy_(start[name])
        _start_is_remembered_at_once(answer, model)


def _start_is_remembered_at_once(answer: Any, model: Any) -> None:
    case = "a body of which one weight moved by 3 before the first call"
    penalty = called(answer, model, when="a model with a body and a classifier")
    _pretrained(model)[0].data.view(-1)[0] += 3
    if callable(penalty) and penalty is not model:
        same(number(called(penalty, when=case), when=case), 9.0, when=case, tolerance=1e-4)


def _parts(width: int, seed: int, name: str) -> Any:
    """Return a model with a body of that name and a new classifier; one called "bert" has a pooler, too."""
    import torch

    with torch.random.fork_rng(devices=[]):  # the notebook's random numbers stay as they are
        torch.manual_seed(seed)
        body = torch.nn.ModuleDict({"dense": torch.nn.Linear(width, 2), "classifier_norm": torch.nn.LayerNorm(2)})
        more = {"pooler": torch.nn.Linear(2, 2)} if name == "bert" else {}
        parts = {name: body, **more, "classifier": torch.nn.Linear(2, 3)}
        return torch.nn.ModuleDict(dict(reversed(parts.items())) if more else parts).double()  # the classifier need not be last


def _pretrained(model: Any) -> list[Any]:
    return [parameter for part, module in model.items() if part != "classifier" for parameter in module.parameters()]


def _move(parameters: Any, by: float) -> None:
    for parameter in parameters:
        parameter.data += by


def _penalty_gradient(model: Any, value: Any, moved: float, case: str) -> None:
    import torch

    require(isinstance(value, torch.Tensor) and value.requires_grad,
            f"for {case} the value carries no gradient ({short(value)}), so that it could not pull")
    model.zero_grad()
    value.backward()
    for parameter in _pretrained(model):
        grad = parameter.grad
        require(grad is not None and equal(grad, torch.full_like(parameter, 2 * moved), 1e-6),
                f"for {case} the gradient is {short(grad)}, expected {2 * moved:g} for each weight")


@exercise(
    "01.6", title="The gradient of smoothed labels", minutes=10, kind="practice",
    trains="deriving a gradient and checking it with autograd",
    hints=("The loss is the sum of q_k * (log-sum-exp(z) - z_k), with q the smoothed labels. Derive it for one z_k.",
           "The q_k add up to one. So it is again prediction minus truth, with a softer truth.",
           "softmax(z) - q, where q is 1 - eps at the truth and eps / (K - 1) elsewhere."),
)
def test_smoothed_gradient(answer: Any) -> None:
    """Compare with autograd for several numbers of classes, and for no smoothing at all."""
    import torch

    for rows, classes, eps in ((3, 4, 0.1), (2, 2, 0.2), (5, 7, 0.05), (4, 3, 0.0)):
        case = f"{rows} records, {classes} classes and eps {eps:g}"
        z = _logits(rows, classes, classes).requires_grad_()
        truth = torch.arange(rows) % classes
        spread_over_all = eps * classes / (classes - 1)  # torch smooths over all classes, the true one included
        loss = torch.nn.functional.cross_entropy(z, truth, reduction="sum", label_smoothing=spread_over_all)
        (expected,) = torch.autograd.grad(loss, z)
        found = _without_autograd(answer, z.detach(), truth, eps, case)
        of_shape(found, z.shape, when=case)
        spread = torch.softmax(z.detach(), -1) - (1 - eps) * torch.nn.functional.one_hot(truth, classes) - eps / classes
        require(eps == 0 or not equal(found, spread, 1e-6),
                f"for {case} eps was spread over all {classes} classes, as torch does; "
                f"here the truth keeps {1 - eps:g}, so that row 1 should be {short(expected[0])}, it was {short(found[0])}")
        same(found, expected, when=case, tolerance=1e-6)
        single = called(answer, z.detach().float(), truth.clone(), eps, when=f"{case}, in single precision")
        same(single, expected, when=f"{case}, in single precision", tolerance=1e-4)


def _without_autograd(answer: Any, z: Any, truth: Any, eps: float, case: str) -> Any:
    import torch

    found = called(answer, z.clone(), truth.clone(), eps, when=case)
    try:
        with torch.inference_mode():
            by_formula = equal(called(answer, z.clone(), truth.clone(), eps, when=case), found, 1e-9)
    except NotYet:
        by_formula = False
    require(by_formula, f"for {case} it needs autograd: the check switches it off, and asks for a formula")
    return found


@exercise(
    "01.7", title="A loss with a ceiling", minutes=20, kind="open",
    trains="designing a loss by stating what it must and must not do",
    hints=("The price of cross-entropy is -log(p), without limit. Which other functions of p fall from something finite to 0?",
           "1 - p is one. (1 - p**q) / q lies between it and cross-entropy; so does cross-entropy of a p that never reaches 0.",
           "Take p from `torch.softmax(z, -1)`: it is stable, and a constant added to a row leaves it alone."),
)
def test_bounded_loss(answer: Any) -> None:
    """Any loss passes that is finite, bounded, zero for certainty, shift-proof, and falls as the truth gains."""
    check_bounded_loss(answer)
