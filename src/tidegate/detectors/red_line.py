"""The red line: content, never people.

A model whose mapped label names one of these words is refused at load. The list is
reviewed by people: each group says why it is here. A word that ends in ``*`` matches
every word that begins with it, one between two ``*`` is found anywhere, and so is one in
a script without spaces between words.

The check is on the labels that a manifest *maps*. Labels that it does not map are
dropped inside the detector, so a model may have them; a model whose very purpose is
to infer them should not be used at all.
"""

import re
import unicodedata
from typing import NamedTuple


class Refusal(NamedTuple):
    """A label that crosses the red line: the word found, and why it is refused."""

    label: str
    word: str
    reason: str


_GROUPS: dict[str, str] = {
    "an identity or a face: Tidegate never finds out who somebody is": """
        identity identities person people face faces facial fac* person* celebrit* biometric*
        gesicht* person* visage* rostro* cara rosto* viso volto лицо лица 脸 顔 人脸 얼굴 وجه
        """,
    "an ethnicity or a race": """
        *asian* negro* mongoloid* ethnic* race races racial
        african africans asian asians caucasian* black blacks white
        whites latino* latina* latinx hispanic* arab arabs arabic indian indians roma romani gypsy
        gypsies uyghur* uighur* uygur* kurd* tibetan* han
        hui slavic* jewish jew jews skin skintone
        complexion ethnie* rasse* ethnizit* etnia* raza* raca* razza* раса расы этнич* уйгур*
        维吾尔 种族 民族 人種 인종 عرق إثني
        """,
    "a nationality or a language group": """
        national* citizen* passport* immigrant* migrant* refugee* foreigner* nation* country
        countries language* accent* flag
        flags staatsangehorig* nationalit* nacionalidad* nazional*
        bandera* drapeau* flagge* fahne* национальн* флаг* 国籍 国旗 國旗 国家 국적 جنسية علم
        """,
    "a religion, or dress and places that stand for one": """
        nun nuns priest* imam* rabbi* burkini* religio* muslim* islam* christian* hindu* buddhis*
        sikh* judais* atheis* hijab* niqab* burqa*
        burka* headscarf* headscarv* chador* abaya* turban* yarmulke* kippah* kippa kufi beard*
        crucifix* mosque* church* synagogue* temple temples minaret* cathedral* chapel* cassock*
        kopftuch* bart moschee* kirche* foulard* voile
        mosquee* eglise* velo barba* mezquita* iglesia*
        moschea* chiesa* хиджаб* борода* мечет* церков* 宗教 头巾 胡子 清真寺 教堂 穆斯林 ヒジャブ
        종교 히잡 حجاب مسجد كنيسة لحية دين
        """,
    "sex or gender": """
        *female* *woman* *women* *girl* *boy* *male* gender* sex trans
        man men woman women boy boys girl girls lady ladies
        gentleman gentlemen masculin* feminin* transgender*
        nonbinary mann manner frau frauen homme*
        femme* hombre* mujer* homem mulher* uomo donna geschlecht* genre genero* genere мужчин*
        женщин* пол 男 女 性别 性別 성별 남자 여자 رجل امرأة
        """,
    "an age": """
        age ages aged minor minors child children
        kid kids baby babies infant* toddler* teen* adult
        adults elder* senior seniors old young youth*
        underage* adolescen* alter jung alt kind kinder
        enfant* nino nina crianca* bambin* возраст* ребен* дети
        年龄 年齢 儿童 子供 나이 아이 عمر طفل
        """,
    "a disability or a state of health": """
        disab* disabilit* handicap* wheelchair* blind deaf autis* amputee* prosthe* downsyndrome
        behinder* rollstuhl* discapac* deficien* инвалид* 残疾 障害者 장애 إعاقة
        """,
    "a political view": """
        politic* party partisan* communis* conservativ* liberal* democrat* republican* socialis*
        anarchis* protester* activist* politisch* politiq*
        politico* politica* полит* 政治 정치 سياسي
        """,
    "a sexual orientation": """
        orientation* gay gays lesbian* bisexual* homosexual* heterosexual* queer* lgbt* schwul*
        гей лесбиян* 同性恋 同性愛 동성애 مثلي
        """,
}


def _fold(text: str) -> str:
    """Lower-case without accents, so that one spelling stands for many."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

_WORDS: dict[str, str] = {}
_STEMS: dict[str, str] = {}
_PARTS: dict[str, str] = {}
for _reason, _terms in _GROUPS.items():
    for _term in _terms.split():
        _key = _fold(_term)
        if _key.startswith("*"):
            _PARTS[_key.strip("*")] = _reason
        elif _key.endswith("*"):
            _STEMS[_key[:-1]] = _reason
        elif _UNSPACED.search(_term):
            _PARTS[_key] = _reason
        else:
            _WORDS[_key] = _reason


def _words(label: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", label)
    return [word for word in re.split(r"[\W\d_]+", _fold(spaced)) if word]


def check(label: str) -> Refusal | None:
    """Return why this label must not be mapped, or ``None`` where it may.

    Args:
        label: A model's label, in any spelling: ``FACE_FEMALE``, ``ageGroup``.
    """
    words = _words(label)
    for word in words:
        if word in _WORDS:
            return Refusal(label, word, _WORDS[word])
        for stem, reason in _STEMS.items():
            if word.startswith(stem):
                return Refusal(label, word, reason)
    joined = "".join(words)
    for part, reason in _PARTS.items():
        if part in joined:
            return Refusal(label, part, reason)
    return None
