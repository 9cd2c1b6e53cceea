"""Rules for the loss that learners invent in exercise 01.7; torch is loaded inside the functions only."""

from __future__ import annotations

from typing import Any

from course_lib.exercises.asserting import called, equal, one_line, require, short
from course_lib.exercises.model import NotYet


def check_bounded_loss(answer: Any) -> None:
    """Raise ``NotYet`` unless the loss is finite, bounded, zero for certainty, shift-proof, and falls as the truth gains."""
    import torch

    for classes in (2, 3, 7):
        gaps = torch.tensor([-1000.0, -30.0, -3.0, -1.0, 0.0, 1.0, 3.0, 30.0, 1000.0], dtype=torch.float64)
        z = torch.zeros(len(gaps), classes, dtype=torch.float64)
        truth = torch.full((len(gaps),), classes - 1)
        z[:, -1] = gaps
        case = f"{classes} classes, with the true logit from 1000 below the others to 1000 above"
        prices = _prices(answer, z, truth, case)
        require(bool((prices > -1e-6).all()) and float(prices[-1]) < 1e-3, f"for {case} the prices are {short(prices)}: "
                "a certain, right answer should cost 0, and none less than that")
        require(bool((prices[1:] <= prices[:-1] + 1e-9).all() and (prices[3:7] < prices[2:6] - 1e-4).all()),
                f"for {case} the prices are {short(prices)}: they should fall as the truth becomes more probable")
        require(float(prices[0]) <= 10, f"for {case} one record costs {float(prices[0]):.6g}: above the ceiling of 10")
        shifted = _prices(answer, z + 50, truth, case)
        require(equal(shifted, prices, 1e-4),
                f"adding 50 to all logits changed the prices from {short(prices)} to {short(shifted)}, for {case}")
    _every_class_counts(answer)
    _each_record_alone(answer)


def _prices(answer: Any, z: Any, truth: Any, case: str) -> Any:
    import torch

    prices = called(answer, z.clone(), truth.clone(), when=case)
    require(isinstance(prices, torch.Tensor) and tuple(prices.shape) == (len(z),),
            f"for {case} one price for each of the {len(z)} records was expected, it gave {short(prices)}")
    require(bool(torch.isfinite(prices).all()), f"for {case} some prices are not finite: {short(prices)}")
    return prices


def _every_class_counts(answer: Any) -> None:
    """Each wrong class in turn becomes strong: the truth becomes improbable, and the price must rise."""
    import torch

    classes = 4
    for truth in range(classes):
        for strong in set(range(classes)) - {truth}:
            z = torch.zeros(2, classes, dtype=torch.float64)
            z[1, strong] = 6.0
            case = f"truth {truth}, once with all logits equal and once with class {strong} 6 above the others"
            prices = _prices(answer, z, torch.full((2,), truth), case)
            require(float(prices[1]) > float(prices[0]) + 1e-4,
                    f"for {case} the prices are {short(prices)}: the truth has become less probable, the price should rise")


def _each_record_alone(answer: Any) -> None:
    """The price of a record reads its own truth, depends on no neighbour, and has a finite slope."""
    import torch

    z = torch.randn(6, 3, generator=torch.Generator().manual_seed(9), dtype=torch.float64).mul(2).requires_grad_()
    truth = torch.tensor([0, 1, 2, 2, 1, 0])
    case = "six records of three classes"
    prices = called(answer, z, truth, when=case)
    for i in range(6):
        alone = called(answer, z[i : i + 1].detach(), truth[i : i + 1], when="one record")
        require(equal(alone[0], prices[i], 1e-6),
                f"for {case} record {i + 1} costs {short(prices[i])} in company and {short(alone[0])} alone")
    require(prices.requires_grad, f"for {case} the prices carry no gradient, so that nothing could be trained")
    try:
        slope = torch.autograd.grad(prices.sum(), z)[0].gather(1, truth[:, None]).flatten()
    except RuntimeError as error:
        stopped = f"for {case} torch cannot compute the gradient of the prices"
        raise NotYet(f"{stopped}: {one_line(str(error))}", kept=stopped) from error
    require(bool((slope < 0).all()), f"for {case} the slope in the true logit should be below 0 everywhere, it is {short(slope)}")
