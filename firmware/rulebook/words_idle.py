"""The pages of the idle sign (4.3), in Chinese and English. Nobody says them aloud.

`{span}` is an opening (9:00-17:00), `{date}` and `{time}` the next one, `{n}` what remains; `{booking}`, `{online}`,
`{phone}`, `{name}`, `{floor}` and `{window}` stand in the rulebook's `[contact]` and `[place]`.
"""

from __future__ import annotations

IDLE: dict[str, tuple[str, str]] = {
    "page_hours": ("今日 {span}", "Today {span}"),
    "page_closed": ("今日闭馆", "Closed today"),
    "page_opens": ("{date}{time}开放", "Opens on {day} at {time}"),
    "page_places": ("大厅余位 {n}", "Places left: {n}"),
    "page_numbers": ("今日余号 {n}", "Numbers left today: {n}"),
    "page_slot": ("本时段余号 {n}", "Left in this slot: {n}"),
    "page_cases": ("今日余件 {n}", "Cases left today: {n}"),
    "page_booking": ("预约 {booking}", "Book: {booking_en}"),
    "page_online": ("网上办 {online}", "Online: {online_en}"),
    "page_phone": ("咨询{phone}", "Call {phone}"),
    "page_service_hours": ("{name} {span}", "{name_en}: {span}"),
    "page_service_place": ("{name} {floor}楼{window}号", "{name_en}: floor {floor}, window {window}"),
    "page_service_floor": ("{name} {floor}楼", "{name_en}: floor {floor}"),
    "page_service_window": ("{name} {window}号", "{name_en}: window {window}"),
}
