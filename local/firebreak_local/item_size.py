"""DynamoDB's limit of 400 KB for an item, which moto draws in the wrong place.

Seen, each with an item of one large text: 405,001 bytes are refused (AWS: 409,601). Replacing 250 KB by other 250 KB is
refused, because old and new are added up. A value set deep inside a map has no limit at all. And an UpdateItem that is
refused leaves what it had done so far: some of its attributes, or an item with nothing but a key.
"""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any, Final

from moto.dynamodb.exceptions import ItemSizeTooLarge, ItemSizeToUpdateTooLarge
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.utilities import bytesize

_LIMIT: Final = 400 * 1024


def install() -> None:
    """Measures whole items, when they are complete."""
    LimitedSizeDict.__setitem__ = dict.__setitem__
    _limit_new_items()
    _limit_updated_items()


def _limit_new_items() -> None:
    moto_init = Item.__init__

    def init(self: Item, *args: Any, **kwargs: Any) -> None:
        moto_init(self, *args, **kwargs)
        if _item_size(self) > _LIMIT:
            raise ItemSizeTooLarge

    Item.__init__ = init


def _limit_updated_items() -> None:
    moto_update_item = DynamoDBBackend.update_item

    def update_item(
        self: DynamoDBBackend, table_name: str, key: dict[str, dict[str, Any]], *args: Any, **kwargs: Any
    ) -> Item:
        table = self.get_table(table_name)
        partition, sort = self.get_keys_value(table, key)
        before = copy.deepcopy(table.get_item(partition, sort))
        item = moto_update_item(self, table_name, key, *args, **kwargs)
        if _item_size(item) > _LIMIT:
            if before is None:
                table.delete_item(partition, sort)
            elif sort is None:
                table.items[partition] = before
            else:
                table.items[partition][sort] = before
            raise ItemSizeToUpdateTooLarge
        return item

    DynamoDBBackend.update_item = update_item


def _item_size(item: Item) -> int:
    return sum(bytesize(name) + _size(value) for name, value in item.attrs.items())


def _size(attribute: DynamoType) -> int:
    """By https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html."""
    value = attribute.value
    match attribute.type:
        case "N":
            return _number_size(value)
        case "BOOL" | "NULL":
            return 1
        case "NS":
            return sum(map(_number_size, value))
        case "SS" | "BS":
            return sum(map(bytesize, value))
        case "L":
            return 3 + sum(1 + _size(element) for element in value)
        case "M":
            return 3 + sum(1 + bytesize(name) + _size(element) for name, element in value.items())
        case _:
            return bytesize(value)


def _number_size(number: str) -> int:
    """One byte for two digits that count, and one more."""
    digits = "".join(map(str, Decimal(number).as_tuple().digits)).strip("0")
    return (len(digits) + 1) // 2 + 1
