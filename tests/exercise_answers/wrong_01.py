"""Wrong answers to the exercises of notebook 01 that a learner might give, and words of the message each must get.

Written from the exercise texts, before reading the checks.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F


def in_bits(labels: list[int]) -> float:
    return -sum(n / len(labels) * math.log2(n / len(labels)) for n in Counter(labels).values())


def as_if_even(labels: list[int]) -> float:
    return math.log(len(set(labels)))


def of_the_commonest(labels: list[int]) -> float:
    return -math.log(max(Counter(labels).values()) / len(labels))


def not_a_mean(labels: list[int]) -> float:
    return -sum(n * math.log(n / len(labels)) for n in Counter(labels).values())


def mean_over_classes(labels: list[int]) -> float:
    shares = [n / len(labels) for n in Counter(labels).values()]
    return -sum(math.log(share) for share in shares) / len(shares)


def two_classes_only(labels: list[int]) -> float:
    share = sum(label == 1 for label in labels) / len(labels)
    return -sum(p * math.log(p) for p in (share, 1 - share) if p)


def no_care_for_large(z: torch.Tensor) -> torch.Tensor:
    return torch.exp(z) / torch.exp(z).sum(dim=-1, keepdim=True)


def one_maximum_for_all(z: torch.Tensor) -> torch.Tensor:
    e = torch.exp(z - z.max())
    return e / e.sum(dim=-1, keepdim=True)


def down_the_columns(z: torch.Tensor) -> torch.Tensor:
    return torch.softmax(z, dim=0)


def second_dimension(z: torch.Tensor) -> torch.Tensor:
    return torch.softmax(z, dim=min(1, z.dim() - 1))


def two_dimensions_only(z: torch.Tensor) -> torch.Tensor:
    e = torch.exp(z - z.max(dim=1, keepdim=True).values)
    return e / e.sum(dim=1, keepdim=True)


def clamped(z: torch.Tensor) -> torch.Tensor:
    e = torch.exp(z.clamp(-50, 50))
    return e / e.sum(dim=-1, keepdim=True)


def weighted_by_rows(batches: Any) -> float:
    rows = [(F.cross_entropy(s, t).item(), len(t)) for s, t in batches if (t != -100).any()]
    return sum(loss * n for loss, n in rows) / sum(n for _, n in rows)


def empty_batches_skipped(batches: Any) -> float:
    means = [F.cross_entropy(s, t).item() for s, t in batches if (t != -100).any()]
    return sum(means) / len(means)


def divided_by_all_rows(batches: Any) -> float:
    pairs = list(batches)
    return sum(F.cross_entropy(s, t, reduction="sum").item() for s, t in pairs) / sum(len(t) for _, t in pairs)


def padding_as_class_0(batches: Any) -> float:
    pairs = [(s, t.clamp(min=0)) for s, t in batches]
    return sum(F.cross_entropy(s, t, reduction="sum").item() for s, t in pairs) / sum(len(t) for _, t in pairs)


def summed_only(batches: Any) -> float:
    return sum(F.cross_entropy(s, t, reduction="sum").item() for s, t in batches)


def last_step_wasted(step: int, steps: int, warmup: int) -> float:
    return (step + 1) / warmup if step < warmup else (steps - 1 - step) / (steps - 1 - warmup)


def no_warmup_fails(step: int, steps: int, warmup: int) -> float:
    return min((step + 1) / warmup, (steps - step) / (steps - warmup))


def first_step_wasted(step: int, steps: int, warmup: int) -> float:
    return step / warmup if step < warmup else (steps - step) / (steps - warmup)


def along_a_cosine(step: int, steps: int, warmup: int) -> float:
    return (step + 1) / warmup if step < warmup else (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2


def down_to_a_half(step: int, steps: int, warmup: int) -> float:
    return (step + 1) / warmup if step < warmup else 1 - 0.5 * (step - warmup + 1) / (steps - warmup)


def never_down(step: int, steps: int, warmup: int) -> float:
    return min(1.0, (step + 1) / max(1, warmup))


def above_one(step: int, steps: int, warmup: int) -> float:
    return (step + 1) / warmup if step < warmup else (steps - step + 1) / (steps - warmup)


def floor_under_the_fault(step: int, steps: int, warmup: int) -> float:
    return max(1e-3, step / warmup if step < warmup else (steps - 1 - step) / (steps - 1 - warmup))


def highest_too_late(step: int, steps: int, warmup: int) -> float:
    return (step + 1) / (warmup + 2) if step <= warmup else (steps - step) / (steps - warmup - 1)


def another_step_up(step: int, steps: int, warmup: int) -> float:
    return ((step + 1) / (warmup + 1)) ** 2 if step < warmup else (steps - step) / (steps - warmup)


def hardly_above_zero(step: int, steps: int, warmup: int) -> float:
    return max(1e-9, step / warmup if step < warmup else (steps - 1 - step) / (steps - 1 - warmup))


def last_hardly_above_zero(step: int, steps: int, warmup: int) -> float:
    return (step + 1) / (warmup + 1) if step < warmup else max(1e-9, (steps - 1 - step) / (steps - 1 - warmup))


def detached_not_copied(model: torch.nn.Module) -> Callable[[], torch.Tensor]:
    start = {n: p.detach() for n, p in model.named_parameters() if not n.startswith("classifier")}
    return lambda: sum(((p - start[n]) ** 2).sum() for n, p in model.named_parameters() if n in start)


def head_held_too(model: torch.nn.Module) -> Callable[[], torch.Tensor]:
    start = {n: p.detach().clone() for n, p in model.named_parameters()}
    return lambda: sum(((p - start[n]) ** 2).sum() for n, p in model.named_parameters())


def remembered_too_late(model: torch.nn.Module) -> Callable[[], torch.Tensor]:
    start: dict[str, torch.Tensor] = {}

    def distance() -> torch.Tensor:
        if not start:
            start.update({n: p.detach().clone() for n, p in model.named_parameters() if not n.startswith("classifier")})
        return sum(((p - start[n]) ** 2).sum() for n, p in model.named_parameters() if n in start)

    return distance


def no_gradient(model: torch.nn.Module) -> Callable[[], torch.Tensor]:
    start = {n: p.detach().clone() for n, p in model.named_parameters() if not n.startswith("classifier")}
    return lambda: sum(((p.detach() - start[n]) ** 2).sum() for n, p in model.named_parameters() if n in start)


def as_a_number(model: torch.nn.Module) -> Callable[[], float]:
    start = {n: p.detach().clone() for n, p in model.named_parameters() if not n.startswith("classifier")}
    return lambda: float(sum(((p - start[n]) ** 2).sum() for n, p in model.named_parameters() if n in start))


def mean_distance(model: torch.nn.Module) -> Callable[[], torch.Tensor]:
    start = {n: p.detach().clone() for n, p in model.named_parameters() if not n.startswith("classifier")}
    return lambda: sum(((p - start[n]) ** 2).mean() for n, p in model.named_parameters() if n in start)


def clone_keeps_the_graph(model: torch.nn.Module) -> Callable[[], torch.Tensor]:
    start = {n: p.clone() for n, p in model.named_parameters() if not n.startswith("classifier")}
    return lambda: sum(((p - start[n]) ** 2).sum() for n, p in model.named_parameters() if n in start)


def towards_zero(model: torch.nn.Module) -> Callable[[], torch.Tensor]:
    return lambda: sum((p**2).sum() for n, p in model.named_parameters() if not n.startswith("classifier"))


def head_anywhere_in_the_name(model: torch.nn.Module) -> Callable[[], torch.Tensor]:
    start = {n: p.detach().clone() for n, p in model.named_parameters() if "classifier" not in n}
    return lambda: sum(((p - start[n]) ** 2).sum() for n, p in model.named_parameters() if n in start)


def hard_labels(z: torch.Tensor, truth: torch.Tensor, eps: float) -> torch.Tensor:
    return torch.softmax(z, -1) - F.one_hot(truth, z.shape[1])


def spread_over_all(z: torch.Tensor, truth: torch.Tensor, eps: float) -> torch.Tensor:
    return torch.softmax(z, -1) - (F.one_hot(truth, z.shape[1]) * (1 - eps) + eps / z.shape[1])


def divided_by_records(z: torch.Tensor, truth: torch.Tensor, eps: float) -> torch.Tensor:
    q = torch.full_like(z, eps / (z.shape[1] - 1)).scatter(1, truth[:, None], 1 - eps)
    return (torch.softmax(z, -1) - q) / len(z)


def wrong_sign(z: torch.Tensor, truth: torch.Tensor, eps: float) -> torch.Tensor:
    q = torch.full_like(z, eps / (z.shape[1] - 1)).scatter(1, truth[:, None], 1 - eps)
    return q - torch.softmax(z, -1)


def rest_forgotten(z: torch.Tensor, truth: torch.Tensor, eps: float) -> torch.Tensor:
    return torch.softmax(z, -1) - F.one_hot(truth, z.shape[1]) * (1 - eps)


def three_classes_only(z: torch.Tensor, truth: torch.Tensor, eps: float) -> torch.Tensor:
    q = torch.full_like(z, eps / 2).scatter(1, truth[:, None], 1 - eps)
    return torch.softmax(z, -1) - q


def _smoothed_loss(z: torch.Tensor, truth: torch.Tensor, eps: float) -> torch.Tensor:
    q = torch.full_like(z, eps / (z.shape[1] - 1)).scatter(1, truth[:, None], 1 - eps)
    return -(q * torch.log_softmax(z, -1)).sum()


def by_autograd(z: torch.Tensor, truth: torch.Tensor, eps: float) -> torch.Tensor:
    z = z.clone().requires_grad_()
    return torch.autograd.grad(_smoothed_loss(z, truth, eps), z)[0]


def by_jacobian(z: torch.Tensor, truth: torch.Tensor, eps: float) -> torch.Tensor:
    return torch.autograd.functional.jacobian(lambda z: _smoothed_loss(z, truth, eps), z)


def cross_entropy(z: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(z, truth, reduction="none")


def cut_off_at_one(z: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(z, truth, reduction="none").clamp(max=1.0)


def mean_of_one_minus_p(z: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return (1 - torch.softmax(z, -1)[torch.arange(len(z)), truth]).mean()


def by_the_logit(z: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(-z[torch.arange(len(z)), truth])


def right_ones_pay(z: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return 2 - torch.softmax(z, -1)[torch.arange(len(z)), truth]


def rewards_mistakes(z: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return torch.softmax(z, -1)[torch.arange(len(z)), truth]


def counts_errors(z: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return (z.argmax(-1) != truth).float()


def changed_in_place(z: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    e = (z - z.max(-1, keepdim=True).values).exp()
    e /= e.sum(-1, keepdim=True)
    return 1 - e[torch.arange(len(z)), truth]


def no_gradient_left(z: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return 1 - torch.softmax(z, -1).detach()[torch.arange(len(z)), truth]


def high_ceiling(z: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return 20 * (1 - torch.softmax(z, -1)[torch.arange(len(z)), truth])


def ignores_the_label(z: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return 1 - torch.softmax(z, -1).max(-1).values


def body_of_the_stub(model: Any) -> Any:
    start = [p.detach().clone() for p in model["body"].parameters()]
    return lambda: sum(((p - s) ** 2).sum() for p, s in zip(model["body"].parameters(), start, strict=True))


def one_rival(z: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    rival, row = torch.where(truth == 0, 1, 0), torch.arange(len(z))
    return torch.sigmoid(z[row, rival] - z[row, truth])


def less_the_mean(z: torch.Tensor) -> torch.Tensor:
    e = torch.exp(z - z.mean(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True)


def less_the_first(z: torch.Tensor) -> torch.Tensor:
    e = torch.exp(z - z[..., :1])
    return e / e.sum(-1, keepdim=True)


def all_but_the_last_two(model: Any) -> Any:
    start = [p.detach().clone() for p in list(model.parameters())[:-2]]
    return lambda: sum(((p - s) ** 2).sum() for p, s in zip(model.parameters(), start, strict=False))


def by_small_steps(z: torch.Tensor, truth: torch.Tensor, eps: float) -> torch.Tensor:
    def loss(z: torch.Tensor) -> torch.Tensor:
        q = torch.full_like(z, eps / (z.shape[1] - 1))
        q[torch.arange(len(z)), truth] = 1 - eps
        return -(q * torch.log_softmax(z, -1)).sum()

    slopes = torch.zeros_like(z)
    for place in range(z.numel()):
        step = torch.zeros_like(z)
        step.view(-1)[place] = 1e-5
        slopes.view(-1)[place] = (loss(z + step) - loss(z - step)) / 2e-5
    return slopes


WRONG: dict[str, list[tuple[Any, str]]] = {
    "01.1": [
        (in_bits, "in bits"),
        (as_if_even, "it gave 0.693147, expected 0.325083"),
        (of_the_commonest, "it gave 0.105361"),
        (not_a_mean, "it gave 4.15888"),
        (mean_over_classes, "it gave 1.20397"),
        (two_classes_only, "expected 1.94591"),
        (lambda _: 0.69, "it gave 0.69,"),
        (lambda labels: labels, "a finite number was expected"),
    ],
    "01.2": [
        (less_the_mean, "for a row from -2000 to 2000 some probabilities are not finite"),
        (less_the_first, "for a row from -2000 to 2000 some probabilities are not finite"),
        (no_care_for_large, "not finite"),
        (one_maximum_for_all, "not finite"),
        (down_the_columns, "expected [[0.373301"),
        (second_dimension, "for a block of 2 notes, 3 words, 4 tags"),
        (two_dimensions_only, "one vector it stopped with IndexError"),
        (clamped, "[0.5, 0.5]], expected"),
        (lambda _: torch.tensor([0.5, 0.5]), "it gave the shape (2,), expected (1, 4)"),
        (lambda z: z, "expected [[0.373301"),
    ],
    "01.3": [
        (weighted_by_rows, "batches of 7, 3"),
        (empty_batches_skipped, "batches of 1, 9"),
        (divided_by_all_rows, "it gave 1.51172"),
        (padding_as_class_0, "it gave 2.68514"),
        (summed_only, "it gave 15.1172"),
        (lambda _: 1.1, "it gave 1.1,"),
        (lambda _: 2.5195416, "batches of 4, 2, 4 it gave 2.51954"),
        (lambda batches: batches, "a finite number was expected"),
    ],
    "01.4": [
        (last_step_wasted, "step 9 has the factor 0"),
        (no_warmup_fails, "ZeroDivisionError"),
        (first_step_wasted, "step 0 has the factor 0"),
        (along_a_cosine, "fall evenly"),
        (never_down, "fall evenly"),
        (down_to_a_half, "after the warm-up it should fall evenly, nearly to 0: [1, 0.916667"),
        (above_one, "1 as the highest"),
        (floor_under_the_fault, "step 0 has the factor 0.001 and the step beside it 0.25"),
        (hardly_above_zero, "step 0 has the factor 1e-09 and the step beside it 0.25"),
        (last_hardly_above_zero, "step 9 has the factor 1e-09 and the step beside it 0.2"),
        (highest_too_late, "the highest factor is at step 5"),
        (another_step_up, "not an even rise"),
        (lambda *_: 1.0, "the highest factor is at step 0"),
        (lambda step, *_: step, "step 0 has the factor 0"),
    ],
    "01.5": [
        (all_but_the_last_two, "a body of 20 weights"),
        (body_of_the_stub, "it stopped with KeyError"),
        (detached_not_copied, "it gave 0, expected 2.5"),
        (head_held_too, "a new classifier that has moved too"),
        (remembered_too_late, "one weight moved by 3 before the first call it gave 0, expected 9"),
        (no_gradient, "carries no gradient"),
        (as_a_number, "carries no gradient"),
        (mean_distance, "it gave 1, expected 2.5"),
        (clone_keeps_the_graph, "the gradient is"),
        (towards_zero, "for the model as it was"),
        (head_anywhere_in_the_name, "it gave 1.5, expected 2.5"),
        (lambda _: lambda: torch.zeros(()), "it gave 0, expected 2.5"),
        (lambda model: model, "it gave a model"),
    ],
    "01.6": [
        (by_small_steps, "in single precision it gave"),
        (hard_labels, "expected [[-0.899577"),
        (spread_over_all, "as torch does"),
        (divided_by_records, "it gave [[-0.299859"),
        (wrong_sign, "it gave [[0.899577"),
        (rest_forgotten, "[-0.899577, 0.0167068"),
        (by_autograd, "it needs autograd"),
        (by_jacobian, "it needs autograd"),
        (three_classes_only, "[-0.899577, -0.0332932"),
        (lambda z, *_: torch.zeros_like(z), "it gave [[0, 0, 0, 0]"),
        (lambda z, *_: z, "expected [[-0.899577"),
    ],
    "01.7": [
        (one_rival, "the truth has become less probable, the price should rise"),
        (cross_entropy, "above the ceiling of 10"),
        (cut_off_at_one, "should fall as the truth"),
        (mean_of_one_minus_p, "one price for each"),
        (by_the_logit, "adding 50 to all logits"),
        (right_ones_pay, "should cost 0"),
        (rewards_mistakes, "should cost 0"),
        (counts_errors, "should fall as the truth"),
        (changed_in_place, "torch cannot compute the gradient of the prices: one of the variables"),
        (no_gradient_left, "carry no gradient"),
        (high_ceiling, "above the ceiling of 10"),
        (ignores_the_label, "should fall as the truth"),
        (lambda z, _: torch.zeros(len(z)), "should fall as the truth"),
        (lambda z, _: z, "one price for each"),
    ],
}
