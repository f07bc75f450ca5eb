"""The pages of whoever writes a hall's rules: how a rule is changed and tried, and the words a story may be written in.

What can be wrong on them is not written by hand: recipes are changes that a test makes, the example is a story that a
test plays, and the vocabulary is the tables that read stories.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from firmware.reference.markdown import page, table
from firmware.rulebook.words import WORDS
from firmware.simulation.stories.deeds import PEOPLE, THINGS
from firmware.simulation.stories.expectations import EXPECTATIONS
from firmware.simulation.stories.people import ATTRIBUTES, CLASSES
from firmware.simulation.stories.phrases import Table
from firmware.simulation.stories.reasons import REASONS
from firmware.simulation.stories.script import LANES, SETTINGS

HOW = """## 怎样改规则 / How a hall changes its rules

不用改程序。数字、日期、类别和用语都在一个 TOML 文件里，从 `deploy/sites/rulebook.toml` 复制一份开始。
Nobody touches a program. Numbers, dates, classes and words stand in one TOML file; begin with a copy of
`deploy/sites/rulebook.toml`.

1. 改文件，并把 `serial` 加一。Change the file, and raise `serial` by one: devices take only a higher one.
2. 写下应当发生的事：一个故事文件（见 [stories.md](stories.md)）。Write down what should happen, as a story.
3. 用新规则播放故事。Play the stories by the new rules: `hallgate rehearse --rulebook next.toml --stories FOLDER`
4. 用新规则重看某台设备记录的日子：谁的答复会变、依据哪一条。See whose answer would have changed on recorded days:
   `hallgate rehearse --rulebook next.toml --state DIR`
5. 签名，并核对现场设备是否够用。Sign it, and check that the door has what the rules need:
   `hallgate rulebook sign --key rulebook-key.pem --jws next.jws next.toml`, then
   `hallgate check --site SITE --rulebook next.toml`. 谁都进不来、或谁都能进的规则会被拒绝并说明原因。
   Rules that shut everybody out, or let everybody in, are refused with the reason.
6. 下发：中枢保留发布 `next.jws`，或把文件和 `.sig` 放到设备上。Hand it out: the hub publishes `next.jws`, retained,
   on `hallgate/v1/HALL/rulebook` (`mosquitto_pub -r -q 1 -t hallgate/v1/HALL/rulebook -f next.jws`), or file and `.sig`
   are put beside the site file. 起始日在以后的规则留在设备里，到日子自行生效，不需要网络。One whose first day is
   still to come waits on the device and begins by itself, without a network.
7. 发错了：命令 `rulebook_fallback` 退回上一版。Was it wrong? The order `rulebook_fallback` brings the one before back."""


DECIDED = """每条规定各自判断，最严的算数：隔离、拒绝、人工、等候、放行。同样严的，先说的是：读不出或伪造的码；闸机故障；
阶段和类别；开放时间；预约（大厅、撤销、已使用、时段）；同行和件数；陪同；名额；核酸、抗原、健康码；同一人；体温；人数；间距；口罩；最后才是
只在本通道不行的（通道不符、宽通道）。
Every rule judges for itself and the most severe answer counts: isolate, refuse, staff, wait, admit. Of equals the first of
these is told: a code that is unreadable or forged; a gate that fails; phase and class; hours; the booking (hall, revoked,
used, slot); party and cases; host; quotas; PCR, antigen, health code; the same person; temperature; room; spacing; mask;
and last what is wrong at this lane alone (another lane, a wide one).

- 阳性、黄码、红码的，无论是谁都引导隔离：本阶段不接待、闭馆、没有预约的也一样。Who is positive, yellow or red is led away,
  whoever it is: also whom the phase does not receive, after hours, or without a booking.
- 预约和证明先出示哪个都行，共用 `collect_seconds`。先出示证明的，只要还可能有管用的预约，就先请出示预约码，到时才说不行的原因。
  Booking and proof are shown in either order within `collect_seconds`. Who shows the proof first is asked for the booking
  as long as one could help; only then comes the reason of a no.
- 时段从开始减 `early_minutes` 到结束加 `late_minutes`，两端都算；有时段的不早于凭证生效，谁都不到凭证失效那一秒。
  A slot goes from its start less `early_minutes` to its end and `late_minutes`, both included; with a slot never before the
  pass' own not-before, and for nobody up to the very second of its expiry.
- 正好满时限的检测还算数，正好等于上限的体温算正常。`antigen_days` 既是天数，也是每 24 小时的时限；天按大厅当地日历。
  A test of exactly the allowed age is good, a temperature of exactly the limit in order. `antigen_days` is the number of
  local days and the age in spans of 24 h.
- 开门那一分钟可进，闭门那一分钟不可；到最后入场那一分钟停止。首尾相接的开放时段（过午夜也一样）算一段。
  The minute of opening is in, that of closing and that of the last entry are out. Openings that touch, at midnight too,
  are one.
- 名额是基数乘比例，舍去小数，按人头算；放行时占用，没进就退还，凭证也没用掉。
  A quota is base times share, rounded down, and counts bodies. A permit takes it; who does not come in gives it back, and
  the pass is not used.
- 首次扫码只有答复放行或等候（早到除外）才算到达，`arrival_freeze_minutes` 从那时起算。
  The first scan that was answered admit or wait (early apart) is the arrival from which `arrival_freeze_minutes` count.
- 不接待的条款号看阶段的数字：比例为 0 或 `commissioning` 是 2.1，不到 100 是 2.2，否则 2.3。
  Whom a phase does not receive hears the clause of its numbers: share 0 or `commissioning` is 2.1, below 100 is 2.2, else
  2.3."""


class Recipe(NamedTuple):
    """`changes` are written as in a story's `rulebook:` line, so that a test can make them."""

    zh: str
    en: str
    changes: tuple[str, ...]


RECIPES = (
    Recipe("核酸从 72 小时改为 48 小时", "PCR within 48 h instead of 72", ("class.visitor.pcr_validity_hours = 48",)),
    Recipe("从报告时间起算", "counted from the report", ('class.visitor.pcr_counts_from = "report"',)),
    Recipe("大厅限流 150 人", "150 people inside at once", ("limit_persons = 150",)),
    Recipe("某阶段接待量 60%", "60 per cent of the former volume", ("phase.limited.share_percent = 60",)),
    Recipe("某阶段只接待部分类别", "only some classes in a phase", ('phase.limited.classes = ["visitor", "staff"]',)),
    Recipe("开放现场取号", "receive people without a booking", ("walk_in = true", 'class.visitor.booking = "optional"')),
    Recipe("预约时段前后宽限", "grace before and after a slot", ("slot.early_minutes = 20", "slot.late_minutes = 30")),
    Recipe("每时段现场名额", "a quota for each slot", ("slot.quota = 20", "slot.minutes = 30")),
    Recipe("业务延时", "longer hours for a service", ('hours.service.tax.friday = ["09:00-20:00"]',)),
    Recipe("节假日闭馆、周末开放", "a holiday, a Saturday that is worked",
           ('hours.exception = [{ date = 2022-06-03 }, { date = 2022-06-11, open = ["09:00-12:00"] }]',)),
    Recipe("最后入场提前 30 分钟", "no entry in the last half hour", ("hours.last_entry_minutes = 30",)),
    Recipe("消毒时段暂停入口", "entry pauses for disinfection",
           ('hold = [{ span = "12:00-12:30", weekdays = ["friday"], reason = "disinfection" }]',)),
    Recipe("消毒点、间隔和超时暂停", "what is disinfected how often, and a lane that waits for it",
           ('rounds.point = [{ name = "handles", lane = "A", every_minutes = 120, who = ["cleaner"], hold = true }]',)),
    Recipe("口罩由值守员确认", "masks attested by the attendant",
           ('class.visitor.mask = "attest"', "mask.exempt_under_years = 3")),
    Recipe("证明与预约须为同一人", "proof and booking of the same person", ("class.visitor.same_person = true",)),
    Recipe("须出示绿码", "a green code is required", ('class.visitor.code = "green"',)),
    Recipe("只认数字哨兵或场所码", "sentinel or venue code only", ('class.visitor.sources = ["sentinel", "venue-code"]',)),
    Recipe("测温，高于 37.3 度为偏高（本地规则）", "temperature, elevated above 37.3, a local rule",
           ("class.visitor.temperature_max_c = 37.3",)),
    Recipe("员工抗原一天一次", "one antigen test for the staff", ("class.staff.antigen_days = 1",)),
    Recipe("工牌防重复进入", "a badge lets in one body", ('anti_passback.mode = "timed"', "anti_passback.minutes = 30")),
    Recipe("每日须由员工开门", "the day is opened by the staff", ('opening.first_person = ["staff"]',)),
    Recipe("二米线改为一米", "one metre instead of two", ("spacing.minimum_mm = 1000",)),
    Recipe("隔离处置时限", "deadlines of an isolation",
           ("isolation.acknowledge_seconds = 60", "isolation.report_minutes = 15", "isolation.sign_off_minutes = 45")),
    Recipe("屏幕和语音用语", "words on sign and voice",
           ('phrases.zh.mask = "请戴好口罩"', 'phrases.zh.mask_voice = "请戴好口罩再进入大厅。"')),
    Recipe("咨询电话和网办渠道", "phone and online path", ('contact.phone = "021-12345"', 'contact.online_zh = "一网通办"')),
    Recipe("责任单位", "who answers for a door", ('responsible.unit = "区行政服务中心"',)),
)  # fmt: skip

EXAMPLE = """故事: 48 小时的规定从 6 月 10 日起执行
条款: 3.1.2a
日期: 2022-06-10
规则: class.visitor.pcr_validity_hours = 48

10:00 王女士, 预约 10:00-10:30, 核酸 40 小时前, 扫码 -> 放行
10:00 王女士 通过 -> 场内 1 人
10:05 李先生, 预约 10:00-10:30, 核酸 50 小时前, 扫码 -> 人工 核酸过期 (3.1.2a); 显示: 需48小时内核酸阴性报告

# the same person in English: 10:10 Li, PCR 5 h old, scans -> admit; gate opens
10:10 李先生, 核酸 5 小时前, 扫码 -> 放行; 开门
"""

GRAMMAR = f"""故事是一个以 `.story` 结尾的文本文件，写一个上午发生的事和应有的答复，中文英文都可以，也可以混写。
A story is a text file whose name ends in `.story`: a morning in plain lines and the answers there should be, in Chinese,
in English, or both.

```
{EXAMPLE}```

每行：时间、人、手里有什么（以后一直有）、做什么，箭头后是应有的结果，用 `;` 隔开。同一分钟的各行相隔五秒；写到秒的时间是准的。
`#` 后面是注释。写错的行会指出行号和可写的词。
A line is a time, who, what they have (from then on), what they do, and behind the arrow what is expected, parted by `;`.
Lines of the same minute are five seconds apart; a time with seconds is exact. `#` begins a remark. A wrong line is named,
with what could have stood there. 类别写在人名前，第一次出现时写：`代办员 周`。
The class stands before the name where somebody appears first: `agent Zhou`. 大厅自带入口 A、员工门 S、出口 X；`通道:`
可增加或改变：`通道: B, 入口, 供 visitor and agent, 宽通道`。Every hall has entry A, staff door S and exit X; `lane:` adds
or changes one: `lane: B, entry, for visitor and agent, wide`. 另一行 `日期:` 把故事带到那一天。Another `date:` further
down takes the story to that day.

播放 / Play: `hallgate rehearse --rulebook next.toml --stories FOLDER`"""


def rules_guide() -> list[str]:
    """The first parts of the rulebook's page."""
    recipes = [(one.zh, one.en, "<br>".join(f"`{change}`" for change in one.changes)) for one in RECIPES]
    return [
        HOW,
        "## 常见改动 / Common changes",
        "写作 `表.键 = 值`；在文件里是 `[表]` 下的 `键 = 值`。Written as `table.key = value`; in the file `key = value` "
        "stands under `[table]`, and `phase.limited` is the `[[phase]]` of that name.",
        table(("要改什么", "what changes", "keys"), recipes),
        "## 怎样作出决定 / How it is decided",
        DECIDED,
    ]


def words_table() -> list[str]:
    """Every reason somebody may be told, with its built-in words."""
    rows = [(f"`{reason}`", said.sign_zh, said.voice_zh, said.sign_en, said.voice_en) for reason, said in WORDS.items()]
    return [
        "## 用语 / Words",
        '`[phrases.zh]` 和 `[phrases.en]` 里写 `原因 = "屏幕用语"`、`原因_voice = "语音用语"`，没写的用下表。屏幕最多 14 字，'
        "分两半、中间空格；`{hours}` 等由数字填入，填不出的分句不说。"
        'In `[phrases.zh]` and `[phrases.en]` write `reason = "sign"` and `reason_voice = "voice"`; the rest stays as '
        "below. A sign has at most 14 characters in two halves; `{hours}` and the like are filled in, and a clause whose "
        "number nobody knows is left out.",
        table(("reason 原因", "屏幕", "语音", "sign", "voice"), rows),
    ]


def stories() -> str:
    settings: dict[object, list[str]] = {}
    for word, reader in SETTINGS.items():
        settings.setdefault(reader, []).append(f"`{word}:`")
    return page(
        "# 故事 / Stories",
        GRAMMAR,
        "## 开头几行 / Settings",
        table(("中文", "English"), [(", ".join(words[1:]), words[0]) for words in map(_zh_last, settings.values())]),
        *_vocabulary(
            (
                ("通道有什么 / What a lane has", LANES),
                ("谁 / Who", CLASSES),
                ("手里有什么 / What they have", ATTRIBUTES),
                ("做什么 / What they do", PEOPLE),
                ("发生什么 / What happens", THINGS),
                ("应有的结果 / What is expected", EXPECTATIONS),
            )
        ),
        "## 原因 / Reasons",
        "箭头后写中文或记录里的英文词都可以。Behind an arrow the Chinese or the record's word; every other reason as it "
        "stands in the record.",
        table(("中文", "record"), [(zh, f"`{word}`") for word, zh in REASONS.items()]),
    )


def _zh_last(words: list[str]) -> list[str]:
    return [word for word in words if word.isascii()][-1:] + [word for word in words if not word.isascii()]


def _vocabulary(tables: Iterable[tuple[str, Table]]) -> list[str]:
    """What stands in [ ] may be left out."""
    parts = []
    for title, words in tables:
        rows = [(f"`{row.shown.split(' | ')[1]}`", f"`{row.shown.split(' | ')[0]}`") for row in words.rows]
        parts += [f"## {title}", table(("中文", "English"), rows)]
    return parts
