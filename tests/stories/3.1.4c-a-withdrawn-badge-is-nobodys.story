story: a withdrawn badge gives the button no power, opens no day, lets in no guest and ends no hold
clause: 3.1.4c, 3.2.2

10:00 staff Chen, PCR 5 h old, antigen 5 h old, antigen 29 h old, badge withdrawn, badges and presses at A -> refuse; gate stays shut
10:05 staff Deng, badges and holds the button at A -> done
10:06 Chen badges and holds the button at A -> alarm button_without_badge
10:07 Wang, booked all day, PCR 5 h old, scans at A -> wait held
10:08 Deng badges and holds the button at A -> done
10:10 enterprise guest Li, booked 10:00-11:00, PCR 5 h old, scans at A -> wait host_asked
10:10 Chen shows the badge at A -> staff host_not_in_order (3.2.2); gate stays shut
10:15 Wang scans at A -> admit
