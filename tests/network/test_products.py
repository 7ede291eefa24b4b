"""Products of 8-bit matrices, by each library that this machine has."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from dgls.network.linear import Int8Linear, can_multiply_int8, quantized
from dgls.network.products import JOINED, FbgemmProduct, OneDnnProduct, Product, has_amx, product_of

pytestmark = pytest.mark.skipif(
    not can_multiply_int8(), reason="torch has no int8 products on this machine"
)

needs_amx = pytest.mark.skipif(not has_amx(), reason="the processor has no AMX")

Make = Callable[[Tensor, Tensor], Product]
PRODUCTS = [
    pytest.param(FbgemmProduct, id="FBGEMM"),
    pytest.param(OneDnnProduct, id="oneDNN", marks=needs_amx),
]


def tall(rows: int, inputs: int) -> Tensor:
    """Rows of which the first have huge values."""
    torch.manual_seed(0)
    values = torch.randn(rows, inputs)
    values[:2] *= 1e3
    return values


@pytest.mark.parametrize(
    ("outputs", "inputs"), [(48, 64), (130, 96), (1152, 896), (9728, 896), (896, 4864)]
)
def test_a_row_does_not_depend_on_the_rows_read_with_it(outputs: int, inputs: int) -> None:
    torch.manual_seed(1)
    product = product_of(*quantized(torch.randn(outputs, inputs)))
    rows = tall(300, inputs)
    largest = rows.abs().amax(-1, keepdim=True)
    whole = product(rows, largest)
    for start, end in [(0, 1), (7, 8), (0, 3), (5, 13), (1, 18), (20, 53), (40, 170), (299, 300)]:
        assert torch.equal(product(rows[start:end], largest[start:end]), whole[start:end])


@needs_amx
def test_the_layers_of_the_laptop_model_are_multiplied_by_onednn() -> None:
    for outputs, inputs in ((1152, 896), (896, 896), (9728, 896), (896, 4864)):
        product = product_of(*quantized(torch.randn(outputs, inputs)))
        assert isinstance(product, OneDnnProduct)


@pytest.mark.parametrize("product", PRODUCTS)
def test_products_are_near_the_exact_ones(product: Make) -> None:
    torch.manual_seed(1)
    weight, rows = torch.randn(130, 96), tall(40, 96)
    near = product(*quantized(weight))(rows, rows.abs().amax(-1, keepdim=True))
    exact = rows @ weight.t()
    assert ((near - exact).norm(dim=1) <= 0.01 * (1 + JOINED) * exact.norm(dim=1)).all()


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_weights_are_restored(product: Make) -> None:
    torch.manual_seed(1)
    steps, scales = quantized(torch.randn(130, 96))
    found, found_scales = product(steps, scales).weights()
    assert (found.short() - steps.short()).abs().max() < JOINED
    again, _ = product(found, found_scales).weights()
    assert torch.equal(again, found)
    assert torch.allclose(found_scales, scales)


def test_a_part_equals_those_outputs_of_the_whole() -> None:
    torch.manual_seed(1)
    whole = Int8Linear(*quantized(torch.randn(130, 96)), torch.randn(130))
    outputs, rows = torch.tensor([3, 99, 7]), tall(9, 96)
    assert torch.equal(whole.part(outputs)(rows), whole(rows)[:, outputs])


@pytest.mark.parametrize(("most", "may"), [("AVX512_CORE_VNNI", False), ("AVX2", False)])
def test_the_environment_can_forbid_amx(
    monkeypatch: pytest.MonkeyPatch, most: str, may: bool
) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", most)
    assert has_amx.__wrapped__() is may
