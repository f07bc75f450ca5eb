story: a code has to prove something
clause: 3.1.1a

10:00 Wang, forged booking, scans -> refuse bad_signature; sign: 此码无效 请找工作人员; gate stays shut
10:01 Li, unreadable code, scans -> refuse not_read; sign: 未读到码 请调亮再扫
10:02 Zhao, booking of an unknown office, scans -> refuse unknown_issuer; nothing shows: 哨兵
10:02:30 He, forged PCR, scans -> refuse bad_signature (3.1.2a); sign: 数字哨兵或场所码请核验
10:03 Qian, booked for another hall, PCR 3 h old, scans -> refuse wrong_hall; sign: 预约的是其他大厅
10:04 Sun, number that is not in the roster, scans -> refuse not_in_roster; sign: 请先预约 可电话预约
10:05 Zhou, booked 10:00-11:00, PCR 3 h old, scans -> admit
