story: longer hours for services in demand
clause: 3.2.6
rulebook: hours.service.tax.friday = ["08:00-19:00"]
date: 2022-06-10

08:30 Wang, booked all day, for service tax, PCR 5 h old, scans -> admit
08:30 Wang passes
08:31 Li, booked all day, PCR 5 h old, scans -> refuse closed (3.2.6); sign: 未到开放时间 9:00开放
18:30 Zhao, booked all day, for service tax, PCR 5 h old, scans -> admit
18:31 Wang leaves
