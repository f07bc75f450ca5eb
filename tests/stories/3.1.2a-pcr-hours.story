story: PCR negative within 72 hours, counted at the instant of entry
clause: 3.1.2a

10:00 Wang, booked all day, PCR 72 h old, scans -> admit
10:00 Wang passes
10:01 Li, booked all day, PCR 73 h old, scans -> staff pcr_too_old (3.1.2a); sign: 需72小时内核酸阴性报告; gate stays shut
10:02 Zhao, booked all day, vaccination certificate, scans -> staff no_test
10:03 Qian, booked all day, forged PCR, scans -> refuse
10:04 Sun, booked all day, scans -> wait pcr_asked; sign: 请再出示核酸证明
10:05 time passes -> staff pcr_missing; sign: 需72小时内核酸阴性报告
