"""Words of which common passwords are made: what remains when digits, signs and disguises are taken off (A-14)."""

_WORDS = """
    aaaaaa abc abcd abcde abcdef abcdefg access account adidas admin administrator agent alexander alexandra
    alexis amanda america american andrea andrew angel angela angels anthony apple arsenal asdf asdfgh asdfghjkl
    asdfjkl ashley austin baby babygirl bailey banana barbara barcelona baseball basketball batman beautiful
    benjamin bitch blink brandon brooklyn buster butterfly california cameron carolina changeme charlie
    charlotte cheese chelsea chester chicago chicken chocolate chris christian christina christine christopher
    coffee compaq computer contact cookie corvette cowboys creative dallas daniel danielle david default demo
    desk diablo dragon eagles elephant elizabeth eminem everton facebook family ferrari fishing florida flower
    football forever freedom friend friends front frontdesk fuckyou fussball gabriel garfield geheim george
    ginger god google gordon guest guitar hallo hallohallo hammer hannah happy harley hasenfurz heather hello
    help helpdesk hockey hunter iceman iloveu iloveyou internet jackson jasmine jennifer jessica jesus jonathan
    jordan joseph joshua justin justinbieber killer killerbee kimberly kitty lakers letmein liberty liverpool
    login london love lovely loveme lover lovers loveyou maggie manager manchester manutd marina martin master
    matrix matthew melissa mercedes merlin metallica michael michelle mickey miller minecraft monica monkey
    monster morgan mother motorola mustang my mypass mypassword naruto natasha new nicholas nicole nothing
    oliver online orange owner pass passion passport passw passwd password passwords passwort patrick peanut
    pepper phoenix player pokemon princess private purple pussy qazwsx qwer qwert qwerty qwertyuiop qwertz
    qwertzuiop rachel raiders rainbow rangers realmadrid richard robert ronaldo root samantha samsung samuel
    scooter scorpion sebastian secret secure security service shadow skywalker snoopy soccer sommer spiderman
    spring startrek starwars steelers steven strong summer sunflower sunshine super superman superstar support
    sweet sweety system teacher techno temp temporary test tester testing testtest the thomas thunder tigers
    tigger trustno unbelievable unicorn user vanessa verysecret victoria volleyball welcome whatever wilhelm
    william willkommen winner winter wolf wordpass xavier yamaha yankees you zaq zxcvbn zxcvbnm
"""

COMMON_WORDS = frozenset(_WORDS.split())
