故事: 没有中枢时, 本地蜂鸣和引导灯、逐级上报、刷牌按键处置, 全程留痕
条款: 3.1.2e
通道: A, 入口, 供 visitor, 蜂鸣器, 引导灯
规则: isolation.acknowledge_seconds = 60
规则: isolation.escalate_seconds = 60
规则: isolation.report_minutes = 5
规则: isolation.sign_off_minutes = 10

10:00 李, 预约 全天, 核酸 5 小时前, 扫码 于 A -> 放行
10:00 李 通过
10:02 王, 预约 全天, 核酸 阳性 20 小时前, 扫码 于 A -> 隔离 阳性 (3.1.2e)；事件 opened；事件 duty_leader_told；蜂鸣器响；引导灯亮；不开门
10:04 等待 -> 事件 escalated
10:05 员工 陈, 刷牌 长按 于 A -> 命令被拒 duty_leader_first
10:06 陈 刷牌 按确认键 于 A -> 事件 acknowledged；蜂鸣器停；完成
10:08 等待 -> 事件 overdue
10:09 陈 刷牌 按确认键 于 A -> 事件 office_reported
10:11 断电后 恢复供电 -> 引导灯亮
10:18 赵, 预约 全天, 核酸 5 小时前, 扫码 于 A -> 等候 暂停
10:20 清点 场内 1 人 -> 完成
10:21 赵 扫码 于 A -> 等候 暂停
10:22 陈 刷牌 长按 于 A -> 事件 signed_off；事件 lane_back；事件 closed；引导灯灭；完成
10:23 赵 扫码 于 A -> 放行
10:30 王 扫码 于 A -> 隔离 此前已引导
