故事: 到时无人消毒, 先黄后红, 报警, 反复提醒, 门口暂停进入, 补做后恢复; 当日未做记为漏做
条款: 3.1.5a
规则: rounds = { point = [{ name = "door-handles", lane = "A", every_minutes = 120, who = ["cleaner"], hold = true }] }
日期: 2022-06-14

09:00 等待 -> 无消毒记录
11:00 等待 -> 消毒 door-handles 到时；无报警
11:16 等待 -> 消毒 door-handles 超时；无报警
11:20 王, 预约 全天, 核酸 5 小时前, 扫码 于 A -> 放行
11:20 王 通过
11:31 等待 -> 消毒 door-handles 严重超时；报警 round_overdue
11:32 李, 预约 全天, 核酸 5 小时前, 扫码 于 A -> 等候 等待消毒 (3.1.5a)；显示: 暂停进入 等待消毒；不开门
11:33 离开 1 人
12:01 等待 -> 消毒 door-handles 严重超时；报警 round_overdue
12:05 断电后 恢复供电 -> 无消毒记录
12:12 李 扫码 于 A -> 等候 等待消毒
12:15 cleaner 孙, 预约 全天, 核酸 5 小时前, 扫码 于 A -> 放行
12:16 孙 刷牌 按确认键 于 A -> 消毒 door-handles 完成；解除报警 round_overdue；完成
12:17 李 扫码 于 A -> 放行
12:17 李 通过
14:16 等待 -> 消毒 door-handles 到时
14:47 等待 -> 报警 round_overdue
日期: 2022-06-15
00:01 等待 -> 消毒 door-handles 漏做；解除报警 round_overdue
10:40 等待 -> 无消毒记录
10:51 等待 -> 消毒 door-handles 到时
