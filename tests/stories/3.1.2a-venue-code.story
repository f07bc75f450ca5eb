story: sentinel or venue code, either of them is enough and never both are demanded; each has its age
clause: 3.1.2a, 3.1.2e
lane: A, entry, for visitor, sentinel
lane: B, entry, for visitor
rulebook: class.visitor.sources = ["sentinel", "venue-code"]
rulebook: class.visitor.code = "green"

10:00 Wang, booked all day, scans at A -> wait pcr_asked (3.1.2a); sign: 数字哨兵或场所码请核验
10:00:10 Wang, venue code green, venue code PCR 20 h old, checks in by venue code at A -> admit; done
10:00:12 Wang passes
10:02 Li, booked all day, sentinel green, sentinel PCR 20 h old, scans at A -> admit
10:02 Li passes
10:04 Zhao, booked all day, venue code green, venue code PCR 80 h old, checks in by venue code at A -> done
10:04 Zhao scans at A -> staff pcr_too_old (3.1.2a); gate stays shut
10:06 Qian, booked all day, venue code green, venue code no PCR, checks in by venue code at A -> done
10:06 Qian scans at A -> staff pcr_missing
10:08 Sun, booked all day, venue code green, venue code PCR 20 h old, checks in by venue code at B -> done
10:08 Sun scans at A -> wait pcr_asked
10:08 Sun scans at B -> admit
10:10 Zhou, booked all day, venue code green, venue code PCR 20 h old, checks in by venue code at A -> done
10:12 Zhou scans at A -> wait pcr_asked
10:13 time passes -> staff
10:20 Wu, booked all day, venue code red, venue code PCR 20 h old, checks in by venue code at A -> done
10:20 Wu scans at A -> isolate code_not_green (3.1.2e); sign: 请稍候; nothing shows: 红; gate stays shut
