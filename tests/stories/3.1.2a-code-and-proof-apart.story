story: the colour of the code comes from the sentinel also where the PCR may come from a certificate alone
clause: 3.1.2a
rulebook: class.visitor.code = "green"
rulebook: class.visitor.sources = ["certificate"]
lane: B, entry, for visitor, sentinel

10:00 Wang, booked all day, PCR 5 h old, sentinel green, scans at B -> admit
10:00 Wang passes through B
10:02 Li, booked all day, sentinel green, sentinel PCR 5 h old, scans at B -> wait pcr_asked; sign: 请再出示核酸证明
10:04 Zhao, booked all day, PCR 5 h old, scans at B -> wait code_asked
