story: hours, how to book, what is left and what to bring stand on the sign, from the rulebook in force
clause: 4.3
rulebook: walk_in = true
rulebook: class.visitor.booking = "optional"

08:40 Wang, booked all day, PCR 5 h old, scans -> refuse closed; sign: 9:00开放; voice: 九点; idle sign: 今日 9:00-17:00
09:01 Wang scans -> admit
09:01 Wang passes -> idle sign: 大厅余位 199; idle sign: 预约 随申办宝山旗舰店
09:05 Li, PCR 5 h old, scans -> admit; idle sign: 今日余号 1499; idle sign: 需72小时内核酸阴性报告
09:05 Li passes
09:10 new rulebook: class.visitor.pcr_validity_hours = 48 -> taken; idle sign: 需48小时内核酸阴性报告
09:15 new rulebook: phrases.zh.page_places = "还可进 {n} 人" -> taken; idle sign: 还可进 198 人
