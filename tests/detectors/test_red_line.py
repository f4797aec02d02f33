import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate import taxonomy
from tidegate.detectors import red_line

SPELLINGS = """
FACE_FEMALE faceAge HTTPFaceAge uyghur uygh-ur Uighur hijab h-i-j-a-b hi_jab beard mosque
mosques national_flag skin_tone skinTone Muslim mu$lim j3w visage église ninos niños
wheelchair communist homosexuality person_id celebrity child chıld children schoolgirl
femalebreast asianwoman blackman priest trans F3MALE fem@le f-e-m-a-l-e fеmale ＷＯＭＡＮ ᴡᴏᴍᴀɴ
ωomαn 𝐟𝐚𝐜𝐞 ⓕⓐⓒⓔ wom4n b0y k1ds ag3 aGe a_g_e r4ce пoлитика old_man prayerrug church
vestment uniform 🧕 🕌 👩 👩🏽 ⛪ 652 class_668 imagenet-887 n03788195 n03028079 00652
"""

LANGUAGES = {
    "en": "face ethnicity nationality headscarf woman child disabled politician gay",
    "de": "Gesicht Rasse Staatsangehörigkeit Kopftuch Frauen Kinder Behinderte Partei schwul",
    "fr": "visage ethnie nationalité foulard femmes enfants aveugle politique lesbienne",
    "es": "rostro raza nacionalidad mezquita mujeres niños discapacitado partido homosexual",
    "pt": "rosto raça nacionalidade mesquita mulheres crianças deficiente comunista lésbica",
    "it": "volto razza nazionalità moschea donne bambini disabile politico omosessuale",
    "nl": "gezicht etniciteit nationaliteit hoofddoek vrouwen kinderen rolstoel partij lesbisch",
    "pl": "twarz rasa narodowość meczet kobiety dzieci niepełnosprawny polityk lesbijka",
    "tr": "yüz ırk uyruk başörtüsü kadınlar çocuklar engelli siyasi eşcinsel",
    "ru": "лицо раса национальность мечеть женщины дети инвалид политик лесбиянка",
    "uk": "обличчя раса національність хустка жінка діти інвалід політик гей",
    "ar": "وجه عرق جنسية حجاب نساء أطفال إعاقة سياسي مثلي",
    "fa": "چهره نژاد ملیت روسری زنان کودکان معلول سیاسی همجنسگرا",
    "he": "פנים גזע לאום חיג'אב נשים ילדים נכה פוליטי לסבית",
    "zh-Hans": "人脸 种族 国籍 头巾 女性 儿童 残疾 政治 同性恋",
    "zh-Hant": "人臉 種族 國籍 頭巾 女性 兒童 殘疾 政治 同性戀",
    "ja": "顔 人種 国籍 ヒジャブ 女性 子供 障害者 政治 同性愛",
    "ko": "얼굴 인종 국적 히잡 여성 어린이 장애 정치 동성애",
    "hi": "चेहरा नस्ल राष्ट्रीयता हिजाब महिलाएँ बच्चे विकलांग राजनीति समलैंगिक",
    "id": "wajah etnis kewarganegaraan jilbab perempuan anak difabel politik lesbian",
    "sw": "uso kabila uraia msikiti wanawake watoto mlemavu siasa shoga",
}
"""A word of each group, but for dress, in each language; by position."""

CONTENT = """
sfw, nsfw, Drawing, Hentai, Neutral, Porn, Sexy, assault rifle, assault_rifle, revolver, rifle,
AK-47, M16, T-34, 9mm, 18, 70, (413), #7, 413, n02749479,
military aircraft, tank, cannon, missile, projectile, holster, grenade,
machine gun, handgun, shotgun, knife, sword, dagger, katana, bow and arrow, hatchet, beer bottle,
beerBottle, wine bottle, beer glass, red wine, cocktail shaker, vodka, champagne, slot,
slot machine, roulette, poker chips, casino, lottery, blood, gore, corpse, wound, fight, violence,
non violence, punching, explosion, cigarette, electronic cigarette, barbed wire, orange pills,
vape, hookah, syringe, pill bottle, cannabis, bong,
StatefulPartitionedCall:0, hen, crossbow,
self harm, noose, swastika, hate symbol, middle finger, qr code, text, caption, watermark, nudity,
exposed breast, genitalia, buttocks, underwear, bikini, sex toy, sex act, Waffe, Bier, Gewehr,
pistola, cerveza, fusil, bière, coltello, nóż, silah, оружие, пистолет, пиво, кровь, зброя,
سلاح, مسدس, تفنگ, אקדח, 手枪, 啤酒, 血, 銃, ビール, 총, 맥주, बंदूक, शराब, senjata, silaha
"""


@pytest.mark.parametrize("label", SPELLINGS.split())
def test_no_spelling_hides_a_word(label):
    assert red_line.check(label) is not None


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_group_is_refused_in_each_language(language):
    reasons = set()
    for word in LANGUAGES[language].split():
        refusal = red_line.check(word)
        assert refusal is not None, word
        reasons.add(refusal.reason)
    assert len(reasons) >= 8


def test_every_group_gives_its_reason_in_every_language():
    for languages in list(red_line._GROUPS.values())[:-1]:
        assert set(languages) == {k.partition("-")[0] for k in LANGUAGES}


@pytest.mark.parametrize("label", [label.strip() for label in CONTENT.split(",")])
def test_content_is_not_refused(label):
    assert red_line.check(label) is None


@pytest.mark.parametrize("category", taxonomy.detectable())
def test_the_taxonomy_itself_does_not_cross_the_line(category):
    assert red_line.check(category) is None
    assert red_line.check(taxonomy.get(category).title) is None


DATA_SETS = {
    "FairFace": "White; Black; Latino_Hispanic; East Asian; Southeast Asian; Indian; "
    "Middle Eastern; 0-2; 3-9; 10-19; 20-29; 30-39; 40-49; 50-59; 60-69; more than 70; Male; "
    "Female",
    "Adience": "(0, 2); (4, 6); (8, 12); (15, 20); (25, 32); (38, 43); (48, 53); (60, 100); m; f",
    "Open Images": "/m/01g317; /m/04yx4; /m/03bt1vf; /m/01bl7v; /m/05r655; /m/0dzct; /m/04hgtk; "
    "/m/015h_t; m.04yx4; Person; Man; Woman; Boy; Girl; Human body; Human eye; Human head; "
    "Human face; Human hair; Human hand; Human beard",
    "WordNet": "n00007846; n09605289; n10787470; n10287213; n10565667",
    "a sex": "M; F; m/f; he; she; Mr; Mrs; Ms; daughter; son; sister; brother; aunt; uncle; "
    "actress; actor; housewife; wives; womyn; milf; shemale; tranny; 0: M",
    "an age": "under18; 18plus; over 60; 20s; 18yo; 18+; <18; ≥ 65; 3to9; 20–29; more_than_70; "
    "morethan70; ２０-２９; 60 and over; 5 years",
    "a nationality": "italian; spanish; dutch; thai; indonesian; vietnamese; colombian; haitian; "
    "serbs; czech; polish; turkish; russian; ukrainian; german; french; english; british; irish; "
    "scottish; greek; swedish; norwegian; danish; finnish; portuguese; brazilian; mexican; "
    "american; canadian; chinese; japanese; korean; filipino; pakistani; bangladeshi; iranian; "
    "iraqi; syrian; egyptian; nigerian; somali; ethiopian; middle_eastern; oriental; 🇫🇷",
    "a slur": "n1gger; nigga; paki; chink; spic; faggots; dykes; yid",
    "a religion": "keffiyeh; khimar; haredim; hasidic; baptists; evangelical; lutheran; anglican; "
    "coptic; druze; mandir; cross; crescent; star_of_david; ✝; ☪; ✡",
    "a disability": "adhd; trisomy21; mute; bipolar; schizophrenia; hearing_impaired; fat",
    "look-alikes": "bIack; girI; musIim; vvoman; wom➃n; w\u034foman; gi\ufe0frl; bo\u115fy; "
    "bo\u1160y; gi\u3164rl; gi\uffa0rl; wo\u0941man; wo\u20ddman; 🅕🅐🅒🅔; 🅱🅾🆈; 🄵🄰🄲🄴; ⑥⑥⑧; ➏➏➑; "
    "6 6 8; 6-6-8",
}
"""Labels of people in known data sets, and others that the list once let through."""


@pytest.mark.parametrize(
    "label", [label.strip() for labels in DATA_SETS.values() for label in labels.split(";")]
)
def test_a_label_of_people_is_refused(label):
    assert red_line.check(label) is not None


words = st.sampled_from(
    [t.strip("*") for group in red_line._GROUPS.values() for ts in group.values()
     for t in ts.split()]
)  # fmt: skip


@given(st.text(min_size=1, max_size=20), words, st.sampled_from("_- ./|"))
def test_a_word_is_found_in_any_company(text, word, separator):
    assert red_line.check(f"{text}{separator}{word}{separator}{text}") is not None
    assert red_line.check(f"{word.upper()}{separator}{text}") is not None


@given(st.text(max_size=200))
def test_any_label_is_checked(label):
    refusal = red_line.check(label)
    assert refusal is None or (refusal.word and refusal.reason)
