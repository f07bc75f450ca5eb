story: who is threatened tells it silently, nothing at the gate shows it; who feels unwell is led aside
clause: 3.1.4a

08:00 staff Chen, PCR 10 h old, antigen 10 h old, antigen 34 h old, presses duress at S -> alarm duress; nothing shows: 请; gate stays shut
08:00 Chen scans at S -> admit; gate opens
08:00 Chen passes
08:05 staff Deng, PCR 10 h old, antigen 10 h old, antigen 34 h old, scans at S -> admit
08:05 Deng presses unwell at S -> gate closes; alarm symptoms; sign: 请稍候; 1 inside
08:05 Deng scans at S -> staff symptoms (3.1.4a)
