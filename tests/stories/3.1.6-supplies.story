故事: 洗手液领用登记: 用量汇总上报, 余量不足报警, 补充后解除
条款: 3.1.6
规则: supplies.report_minutes = 10
规则: supplies.item = [{ name = "hand-gel", lane = "A", full_units = 6, low_units = 2 }]

10:00 领用物资 2 次 于 A -> 无物资记录
10:11 等待 -> hand-gel 已用 余 4
10:12 领用物资 1 次 于 A
10:23 等待 -> hand-gel 已用 余 3
10:30 员工 陈, 出示工牌 于 A
10:30:03 领用物资 1 次 于 A -> hand-gel 已领 余 2; hand-gel 不足 余 2; 报警 supply_low
10:31 领用物资 2 次 于 A -> hand-gel 用完 余 0
10:40 中枢 补充物资 hand-gel -> 完成; hand-gel 已补 余 6; 解除报警 supply_low
10:41 中枢 补充物资 hand-gel 3 件 -> hand-gel 已补 余 9
10:42 中枢 补充物资 soap -> 命令被拒 no_such_item
10:43 王, 预约 全天, 核酸 5 小时前, 扫码 -> 放行
10:44 李, 预约 12:00-12:30, 核酸 5 小时前, 扫码 -> 等候 早到
