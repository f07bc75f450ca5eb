story: staff bring PCR within 72 hours and negative antigen on two days, from the signed roster
clause: 3.1.4a

08:00 staff Chen, PCR 60 h old, antigen 10 h old, antigen 40 h old, scans at S -> admit; sign: 请
08:00 Chen passes
08:01 staff Deng, PCR 60 h old, antigen 50 h old, scans at S -> wait antigen_asked (3.1.4a); sign: 请再出示抗原证明; voice: 共需两天; nothing shows: 核酸
08:02 time passes -> staff antigen_too_old (3.1.4a); sign: 需2天抗原阴性证明
08:02 staff Feng, PCR 60 h old, antigen 10 h old, scans at S -> wait antigen_day_asked
08:02:30 time passes -> staff antigen_day_missing
08:03 staff Fang, PCR 60 h old, scans at S -> wait antigen_asked
08:04 time passes -> staff antigen_missing
08:05 staff Gao, PCR 80 h old, antigen 10 h old, antigen 34 h old, scans at S -> wait pcr_asked
08:06 time passes -> staff pcr_too_old (3.1.4a)

# tests of yesterday afternoon and of this morning are of two days of the hall, whatever day it is in Greenwich
08:20 staff Hong, PCR 60 h old, antigen 20 h old, antigen 3 h old, scans at S -> admit
