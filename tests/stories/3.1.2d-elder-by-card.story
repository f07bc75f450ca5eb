故事: 普通预约的老年人凭身份证走协助通道, 凭证里写不了年龄
条款: 3.1.2d
规则: assisted.classes = ["elder"]

10:00 吴, 预约 全天, 70 岁, 扫码 -> 等候 identity_asked (3.1.2d)；显示: 请出示身份证件；不开门
10:00 值守员确认 -> 等候 paper_code_asked (3.1.2d)
