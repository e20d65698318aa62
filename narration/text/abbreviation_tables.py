"""What abbreviations stand for, grouped by what a full stop after them means."""

# Before a name, a number or another word: the full stop never ends a sentence.
TITLES = {
    "Mr": "Mister", "Mrs": "Missus", "Ms": "Miss", "Messrs": "Messieurs", "Mme": "Madame",
    "Mmes": "Mesdames", "Mlle": "Mademoiselle", "Mdlle": "Mademoiselle", "Mx": "Mix",
    "Dr": "Doctor", "Drs": "Doctors", "Prof": "Professor", "Profs": "Professors",
    "Rev": "Reverend", "Revd": "Reverend", "Revs": "Reverends", "Hon": "Honorable",
    "Capt": "Captain", "Cpt": "Captain", "Col": "Colonel", "Cols": "Colonels", "Gen": "General",
    "Gens": "Generals", "Lt": "Lieutenant", "Lieut": "Lieutenant", "Maj": "Major",
    "Sgt": "Sergeant", "Sergt": "Sergeant", "Serjt": "Serjeant", "Cpl": "Corporal",
    "Corpl": "Corporal", "Pvt": "Private", "Adm": "Admiral", "Cmdr": "Commander",
    "Comdr": "Commander", "Ens": "Ensign", "Brig": "Brigadier", "Sen": "Senator",
    "Sens": "Senators", "Rep": "Representative", "Reps": "Representatives", "Gov": "Governor",
    "Govs": "Governors", "Pres": "President", "Supt": "Superintendent", "Insp": "Inspector",
    "Amb": "Ambassador", "Atty": "Attorney", "Bp": "Bishop", "Abp": "Archbishop",
    "Msgr": "Monsignor", "Fr": "Father", "Mt": "Mount", "Mts": "Mounts", "Ft": "Fort",
    "Pt": "Point",
}  # fmt: skip
# Without a full stop, as printed in Britain.
BARE_TITLES = ("Mr", "Mrs", "Dr", "Mme", "Mlle", "Messrs", "Revd")
# Shortened first names, as in letters and registers.
FIRST_NAMES = {
    "Wm": "William", "Geo": "George", "Chas": "Charles", "Jas": "James", "Thos": "Thomas",
    "Jno": "John", "Robt": "Robert", "Edw": "Edward", "Saml": "Samuel", "Danl": "Daniel",
    "Benj": "Benjamin", "Eliz": "Elizabeth", "Tho": "Thomas",
}  # fmt: skip
# Only before a number or a Roman numeral; otherwise "no." and "fig." are words ending a sentence.
NUMBERED = {
    "No": "number", "no": "number", "Nos": "numbers", "nos": "numbers", "Vol": "volume",
    "vol": "volume", "Vols": "volumes", "vols": "volumes", "p": "page", "pp": "pages",
    "pg": "page", "pgs": "pages", "P": "page", "ch": "chapter", "Ch": "Chapter",
    "chap": "chapter", "Chap": "Chapter", "chaps": "chapters", "fig": "figure",
    "Fig": "Figure", "figs": "figures", "Figs": "Figures", "sec": "section", "Sec": "Section",
    "sect": "section", "Sect": "Section", "art": "article", "Art": "Article", "arts": "articles",
    "c": "circa", "ca": "circa", "s": "section", "ss": "sections", "cap": "chapter",
    "Op": "opus", "op": "opus", "bk": "book",
    "Bk": "Book", "bks": "books", "pt": "part", "Pt": "part", "pts": "parts", "l": "line",
    "ll": "lines", "v": "verse", "vv": "verses", "n": "note", "nn": "notes", "fol": "folio",
    "par": "paragraph", "para": "paragraph", "pars": "paragraphs", "paras": "paragraphs",
    "cl": "clause", "pl": "plate", "Pl": "Plate", "tab": "table", "Tab": "Table",
    "eq": "equation", "Eq": "Equation", "eqs": "equations", "ex": "example", "Ex": "Example",
    "app": "appendix", "App": "Appendix", "ep": "episode", "Ep": "Episode", "sc": "scene",
    "Sc": "Scene", "ver": "version", "Ver": "Version", "stat": "statute", "ser": "series",
    "Prop": "proposition", "prop": "proposition", "Def": "definition", "Ax": "axiom",
    "Thm": "theorem", "Ps": "Psalm", "tel": "telephone", "Tel": "telephone", "ext": "extension",
    "lat": "latitude", "Lat": "latitude", "long": "longitude", "Long": "longitude",
    "cf": "compare", "approx": "approximately", "temp": "temperature", "hft": "Heft",
}  # fmt: skip
# Inside a sentence, whatever follows.
INNER = {
    "vs": "versus", "viz": "namely", "cf": "compare", "approx": "approximately", "ca": "circa",
    "esp": "especially", "incl": "including", "excl": "excluding", "e.g": "for example",
    "i.e": "that is", "eg": "for example", "ie": "that is", "E.g": "For example",
    "I.e": "That is", "Viz": "Namely", "Cf": "Compare", "Approx": "Approximately",
    "e. g": "for example", "i. e": "that is", "scil": "namely", "resp": "respectively",
    "a.k.a": "also known as", "w.r.t": "with respect to", "fl": "flourished",
}  # fmt: skip
# May end a sentence: in that case the full stop is kept.
ENDING = {
    "etc": "et cetera", "Etc": "Et cetera", "Jr": "Junior", "Sr": "Senior",
    "Esq": "Esquire", "Inc": "Incorporated", "Ltd": "Limited", "Co": "Company",
    "Cos": "Companies", "Corp": "Corporation", "Bros": "Brothers", "Assn": "Association",
    "Assoc": "Association", "Univ": "University", "Inst": "Institute", "Intl": "International",
    "Natl": "National", "Mfg": "Manufacturing", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road",
    "dept": "department", "Dept": "Department", "depts": "departments", "est": "established",
    "Est": "Established", "al": "al", "ibid": "ibidem", "Ibid": "Ibidem", "Ph.D": "P H D",
    "ed": "edition", "eds": "editors", "govt": "government", "Govt": "Government",
    "misc": "miscellaneous", "asst": "assistant", "Asst": "Assistant", "mgr": "manager",
    "Mgr": "Manager", "yrs": "years", "hrs": "hours", "mins": "minutes", "secs": "seconds",
    "recd": "received", "bldg": "building",
    "Bldg": "Building", "Acad": "Academy", "Hosp": "Hospital", "Dist": "District",
    "Dir": "Director",
    "Anon": "Anonymous",
    "Jan": "January", "Feb": "February", "Apr": "April", "Aug": "August", "Sept": "September",
    "Oct": "October", "Nov": "November", "Dec": "December", "Sep": "September",
}  # fmt: skip
# States as shortened in books: only after a town and a comma, since many are words as well.
STATES = {
    "Ala": "Alabama", "Ariz": "Arizona", "Ark": "Arkansas", "Calif": "California",
    "Cal": "California", "Colo": "Colorado", "Conn": "Connecticut", "Del": "Delaware",
    "Fla": "Florida", "Ga": "Georgia", "Ill": "Illinois", "Ind": "Indiana", "Kan": "Kansas",
    "Kans": "Kansas", "Ky": "Kentucky", "La": "Louisiana", "Mass": "Massachusetts",
    "Md": "Maryland", "Mich": "Michigan", "Minn": "Minnesota", "Mo": "Missouri", "Mont": "Montana",
    "Neb": "Nebraska", "Nev": "Nevada", "Okla": "Oklahoma", "Ore": "Oregon", "Pa": "Pennsylvania",
    "Penn": "Pennsylvania", "Tenn": "Tennessee", "Tex": "Texas", "Va": "Virginia",
    "Vt": "Vermont", "Wash": "Washington", "Wis": "Wisconsin", "Wyo": "Wyoming",
    "N.Y": "New York", "N.J": "New Jersey", "N.C": "North Carolina", "S.C": "South Carolina",
    "N.H": "New Hampshire", "R.I": "Rhode Island", "D.C": "D C", "W.Va": "West Virginia",
    "N.M": "New Mexico", "N.D": "North Dakota", "S.D": "South Dakota",
}  # fmt: skip
# Whole phrases, with all their full stops.
PHRASES = {
    "&c.": "et cetera", "et al.": "et al", "et seq.": "and following", "op. cit.": "op cit",
    "loc. cit.": "loc cit", "q. v.": "which see", "q.v.": "which see", "c/o": "care of",
    "w/o": "without", "w/": "with", "a/c": "account", "n/a": "not applicable",
    "N/A": "not applicable", "b/w": "black and white", "and/or": "and or",
    "And/or": "And or", "C/o": "Care of",
    "24/7": "twenty-four seven",
}  # fmt: skip
