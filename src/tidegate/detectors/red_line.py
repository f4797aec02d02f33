"""The red line: content, never people.

A model whose mapped label names one of these words is refused at load, and so is one whose
own name does. The list is reviewed by people: each group says why it is here, and each
language stands on a line of its own. It refuses too much rather than too little.

A word matches itself and its plain plurals. One that ends in ``*`` matches every word that
begins with it, one between two ``*`` is found anywhere, and so is a long one, or one in a
script that is written without spaces. Case, accents, separators, look-alike
letters and digits for letters make no difference (:mod:`tidegate.detectors.fold`).

The check is on the labels that a manifest *maps*. Labels that it does not map are
dropped inside the detector, so a model may have them; a model whose very purpose is
to infer them should not be used at all.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tidegate.detectors.fold import digits, fold, readings


class Refusal(NamedTuple):
    """A label that crosses the red line: the word found, and why it is refused."""

    label: str
    word: str
    reason: str


_GROUPS: dict[str, dict[str, str]] = {
    "an identity or a face: Tidegate never finds out who somebody is": {
        "en": "identity identities identif* person* people face* facial* fac *humanface* "
        "celebrit* biometric* lookalike who whois surname* fullname firstname lastname mugshot* "
        "fingerprint* selfie* doppelganger* gait human*",
        "de": "gesicht* identitat* leute mensch* ausweis* prominente* jemand",
        "fr": "visage* identite* celebrite* gens",
        "es": "rostro* cara caras identidad* celebridad* famoso* gente",
        "pt": "rosto* identidade* pessoa* celebridade*",
        "it": "volto volti viso visi faccia* facce* celebrita*",
        "nl": "gezicht* identiteit* persoon* beroemdheid* mensen",
        "pl": "twarz* tozsamosc* osoba osoby osob ludzie czlowiek* celebryt*",
        "tr": "yuz yuzu yuzler yuzleri surat kimlik* kisi kisiler insan* unluler",
        "ru": "лицо лица лиц личност* человек* люди персон* знаменитост*",
        "uk": "обличч* особа особи особист* людина люди знаменитіст*",
        "ar": "وجه وجوه هوية شخص اشخاص مشاهير",
        "fa": "چهره صورت هویت فرد افراد سلبریتی",
        "he": "פנים זהות אדם אנשים פרצוף ידוען ידוענים",
        "zh": "脸 臉 面孔 面部 身份 人物 名人 明星 个人 個人",
        "ja": "顔 身元 本人 有名人 芸能人",
        "ko": "얼굴 안면 신원 사람 인물 연예인 유명인",
        "hi": "चेहरा चेहरे पहचान व्यक्ति लोग",
        "id": "wajah* identitas* orang selebriti* muka",
        "sw": "uso nyuso utambulisho* mtu watu",
    },
    "an ethnicity or a race": {
        "en": "ethnic* race races racial* racist* *asian* african* afro* negro* negroid* "
        "mongoloid* caucasian* caucasoid* black blacks *blackman* *blackpeople* white whites "
        "*whiteman* *whitepeople* latino* latina* latinx* hispanic* arab* indian* roma romani "
        "romany gypsy gypsies uyghur* uighur* uygur* uigur* kurd* tibetan* kazakh* han hui slav "
        "slavs slavic* jewish* jew jews skin *skintone* *skincolor* *skincolour* complexion* "
        "fitzpatrick* indigenous* aborigin* native mestizo* mulatto* mixedrace* tribe* tribal* "
        "rohingya* hazara* tamil* turkic* berber* maori* inuit* pashtun* zulu* igbo* yoruba* "
        "*middleeast* oriental* nigg* negress* chink chinks spic spics yid yids kike "
        "kikes gook gooks wetback* coolie* melanin* mongol* dreadlock* cornrow* "
        "dashiki* kimono* sari saris saree* hanbok* sarong*",
        "de": "ethnie* ethnisch* ethnizitat* rasse* rassisch* hautfarbe* hauttyp* schwarze* "
        "weisse* asiat* afrikan* uigure* kurde* zigeuner* volksgruppe*",
        "fr": "ethnie* ethnique* raciale* peau noir noire noirs blanc blanche blancs asiatique* "
        "africain* ouighour* ouigour* kurde* tsigane* autochtone*",
        "es": "etnia* etnic* raza* piel negro* blanco* asiatic* african* gitano* uigur* indigena*",
        "pt": "etnia* etnic* raca* pele negro* branco* asiatic* african* cigano* uigur* indigena*",
        "it": "etnia* etnic* razza* pelle nero neri bianco bianchi asiatic* african* zingar* "
        "uigur* indigen*",
        "nl": "etnisch* etniciteit* ras rassen huid huidskleur* zwarte witte blanke aziat* "
        "afrikaan* oeigoer* koerd* zigeuner* inheems*",
        "pl": "etnicz* rasa rasy rasow* skora skory czarny czarni bialy biali azjat* azjata "
        "afrykan* ujgur* kurd* cygan*",
        "tr": "etnik* irk irki irklar ten tenrengi siyahi* beyaz asyali* afrikali* uygur* kurt "
        "kurtler cingene*",
        "ru": "этнич* этнос* раса расы рас расов* кожа кожи негр* белый азиат* африкан* уйгур* "
        "курд* цыган* славян* еврей* евреи национальност*",
        "uk": "етніч* етнос* раса раси расов* шкіра шкіри негр* азіат* африкан* уйгур* курд* "
        "циган* слов'ян* єврей* євреї",
        "ar": "عرق عرقي عرقية اثني اثنية بشرة اسود ابيض افريقي اسيوي ايغور اويغور كردي اكراد غجر",
        "fa": "نژاد نژادی قومیت قومی پوست سیاهپوست سفیدپوست آسیایی آفریقایی اویغور کرد کولی",
        "he": "גזע גזעי אתני אתניות מוצא עור שחור שחורים לבן לבנים אסייתי אפריקאי אויגורי כורדי "
        "יהודי יהודים צועני",
        "zh": "种族 種族 民族 族裔 族群 人种 人種 肤色 膚色 黑人 白人 黄种 黃種 亚裔 亞裔 亚洲人 "
        "亞洲人 非洲人 维吾尔 維吾爾 维族 維族 藏族 藏人 汉族 漢族 汉人 漢人 回族 哈萨克 哈薩克 "
        "蒙古族 库尔德 庫爾德 犹太 猶太 吉普赛 吉普賽",
        "ja": "人種 民族 エスニ 肌の色 肌色 黒人 白人 アジア人 アフリカ人 ウイグル チベット人 "
        "クルド ユダヤ ジプシー",
        "ko": "인종 민족 종족 피부 흑인 백인 황인 아시아인 아프리카인 위구르 티베트인 쿠르드 "
        "유대 집시",
        "hi": "नस्ल जाति जातीय त्वचा अश्वेत श्वेत गोरा काला एशियाई अफ्रीकी उइगर कुर्द यहूदी",
        "id": "etnis* etnik* ras suku kulit hitam putih asia afrika* uighur* kurdi* yahudi*",
        "sw": "kabila makabila ukabila rangi ngozi mweusi weusi mweupe weupe mwafrika mwasia "
        "wakurdi myahudi",
    },
    "a nationality, an origin or a language group": {
        "en": "national* nation nations citizen* passport* immigra* emigra* migrant* migration "
        "refugee* foreigner* alien aliens country countries countryman language* accent accents "
        "dialect* flag flags *flagof* origin origins ancestr* heritage* descent homeland* "
        "chinese* russian* ukrainian* american* mexican* turkish* turks iranian* iraqi* syrian* "
        "afghan* pakistani* israeli* palestinian* korean* japanese* german germans french "
        "british* polish* nigerian* somali* "
        "english* scottish* scots irish* welsh* dutch* belgian* luxemb* swiss austrian* danish* "
        "swede swedes swedish* norwegian* finnish* icelandic* estonian* latvian* lithuanian* "
        "czech* slovak* sloven* hungarian* romanian* moldovan* bulgarian* serb* croat* bosnia* "
        "albania* kosov* macedonia* montenegr* greek* cypriot* maltese* italian* sicilian* "
        "spanish* spaniard* catalan* basque* portugue* belarus* georgian* armenian* azerbaijan* "
        "uzbek* tajik* kyrgyz* turkmen* turk canadian* brazil* argentin* chilean* peruvian* "
        "colombian* venezuel* ecuador* bolivian* paraguay* uruguay* guyan* cuban* haitian* "
        "jamaican* dominican* puertoric* guatemal* honduran* salvador* nicaragu* costarican* "
        "panaman* trinidad* australian* zealander* fijian* samoan* tongan* hawaiian* "
        "paki pakis bangladesh* bengali* punjabi* gujarati* srilanka* sinhal* nepal* bhutan* "
        "burmese* myanmar* thai* laotian* cambodia* khmer* viet* indonesia* malaysia* malay "
        "malays singapore* filipin* philippin* taiwan* hongkong* cantonese* egyptian* libyan* "
        "tunisian* algerian* moroccan* sudanese* ethiopia* eritrean* kenyan* ugandan* rwandan* "
        "tanzanian* congolese* cameroon* senegal* ghana* ivorian* liberian* malian* zambian* "
        "zimbabwe* malawi* mozambi* angolan* namibian* botswana* malagasy* lebanese* jordanian* "
        "saudi* emirati* kuwaiti* qatari* bahraini* omani* yemeni* persian* european* "
        "scandinavia* *regionalindicator*",
        "de": "staatsangehorig* staatsburger* nationalitat* nation nationen herkunft* auslander* "
        "einwander* fluchtling* migrant* sprache* flagge* fahne* heimat*",
        "fr": "nationalite* citoyen* etranger* immigre* refugie* langue langues drapeau* "
        "origine* pays passeport*",
        "es": "nacional* ciudadan* extranjer* inmigrante* refugiado* idioma* bandera* origen* "
        "pais paises pasaporte*",
        "pt": "nacional* cidada* estrangeir* imigrante* refugiad* idioma* bandeira* origem pais "
        "paises passaporte*",
        "it": "nazional* cittadin* stranier* immigrat* profug* rifugiat* lingua lingue bandier* "
        "origine* paese paesi passaport*",
        "nl": "nationaliteit* burgerschap* buitenland* vreemdeling* vluchteling* taal talen vlag "
        "vlaggen herkomst* paspoort*",
        "pl": "narodow* obywatel* cudzoziem* obcokraj* imigrant* uchodzc* jezyk* flaga flagi "
        "pochodzeni* paszport*",
        "tr": "uyruk* milliyet* vatandas* yabanci* gocmen* multeci* dil diller bayrak* koken* "
        "ulke* pasaport*",
        "ru": "национальн* граждан* иностран* иммигрант* мигрант* беженц* беженец* язык языки "
        "флаг* происхожден* страна страны паспорт*",
        "uk": "національн* громадян* інозем* іммігрант* мігрант* біженц* біженець* мова мови "
        "прапор* походжен* країна країни паспорт*",
        "ar": "جنسية قومية مواطن مواطنة اجنبي اجانب مهاجر لاجئ لاجئين لغة علم اعلام راية اصل بلد "
        "جواز",
        "fa": "ملیت تابعیت شهروند خارجی مهاجر پناهنده پناهجو زبان پرچم اصالت کشور گذرنامه",
        "he": "לאום לאומי לאומיות אזרח אזרחות זר זרים מהגר מהגרים פליט פליטים שפה דגל דגלים מוצא "
        "דרכון",
        "zh": "国籍 國籍 国旗 國旗 国家 國家 公民 外国人 外國人 移民 难民 難民 语言 語言 方言 "
        "口音 籍贯 籍貫 护照 護照 旗帜 旗幟",
        "ja": "国籍 国旗 国家 市民権 外国人 移民 難民 言語 方言 出身 旅券 パスポート",
        "ko": "국적 국기 국가 시민권 외국인 이민 난민 언어 방언 출신 여권",
        "hi": "राष्ट्रीयता नागरिक विदेशी प्रवासी शरणार्थी भाषा झंडा ध्वज मूल देश पासपोर्ट",
        "id": "kewarganegaraan* kebangsaan* warganegara* asing imigran* pengungsi* bahasa* "
        "bendera* negara paspor*",
        "sw": "uraia* raia taifa mgeni wageni mhamiaji wahamiaji mkimbizi wakimbizi lugha "
        "bendera nchi pasipoti",
    },
    "a religion, or dress, places and things that stand for one": {
        "en": "religio* faith faiths worship* pray prays praying prayer* *prayerrug* *prayermat* "
        "muslim* moslem* islam* sunni* shia shiite* christian* catholic* protestant* orthodox* "
        "hindu* buddh* sikh* judais* judaism jain jains taois* atheis* mormon* yazidi* bahai* "
        "nun nuns monk monks priest* imam* rabbi rabbis rabbin* clergy* pope bishop* ayatollah* "
        "hijab* niqab* burqa* burka* burkini* headscar* *headscarf* scarf scarves veil veils "
        "veiled chador* abaya* turban* yarmulke* kippah* kippa kippot kufi kufis taqiyah* "
        "cassock* habit vestment* soutane* beard* bearded crucifix* rosary rosaries menorah* "
        "quran* koran* bible* torah* bindi bindis tilak mosque* church* synagogue* temple "
        "temples minaret* cathedral* chapel* monaster* convent convents abbey* shrine* pagoda* "
        "stupa* gurdwara* altar altars kaaba* mecca halal kosher ramadan* keffiyeh* "
        "kaffiyeh* kufiya* shemagh* khimar* haredi* hasid* chasid* chassid* baptist* "
        "evangelical* lutheran* anglican* methodist* presbyterian* pentecost* quaker* amish "
        "mennonite* coptic* copt copts druze* alawite* sufi* salafi* zoroast* shinto* mandir* "
        "cross crosses crescent* *starofdavid* dharma* *omsymbol* jesus* allah* talmud* "
        "tefillin* tallit* kirpan* dupatta* skullcap* hajj* pilgrim*",
        "de": "glaube* gebet* beten moschee* kirche* synagoge* tempel* kloster* kathedrale* "
        "kopftuch* schleier* bart barte bartig* kreuz* rosenkranz* nonne* monch* priester* "
        "pfarrer* ordenstracht* moslem* muslimi* christ christen christlich* jude juden judisch*",
        "fr": "mosquee* eglise* cathedrale* monastere* foulard* voile voiles barbe barbes barbu* "
        "croyan* priere* pretre* religieuse* imams musulman* chretien* juif juifs juive* "
        "bouddhis* hindou* croix chapelet* soutane*",
        "es": "mezquita* iglesia* catedral* monasterio* sinagoga* templo* velo velos panuelo* "
        "barba barbas rezo rezar oracion* monja* monje* sacerdote* cura curas musulman* "
        "cristian* catolic* judio* judia* budis* hindues rosario*",
        "pt": "mesquita* igreja* catedrais mosteiro* sinagoga* templo* veu veus lenco* barba "
        "barbas oracao* freira* padre* muculman* cristao* crista catolic* judeu* judia* budis* "
        "hindus",
        "it": "moschea moschee chiesa chiese cattedral* monaster* sinagog* tempio templi velo "
        "veli barba barbas preghier* suora suore prete preti monac* musulman* cristian* "
        "cattolic* ebreo ebrei ebraic* buddis* induis*",
        "nl": "moskee* kerk kerken kathedraal* klooster* tempels hoofddoek* sluier* baard* "
        "gebed* bidden nonnen priesters moslim* christen* joods* joden boeddhis* hindoe*",
        "pl": "meczet* kosciol* koscioly katedr* klasztor* synagog* swiatyni* chust* welon* "
        "brod* modlitw* modlac* zakonnic* zakonnik* ksiadz* muzulman* chrzescijan* katolik* "
        "katolic* zydow* zyd zydzi buddys* hinduis*",
        "tr": "cami camii camiler kilise* katedral* manastir* sinagog* tapinak* basortu* turban* "
        "pece carsaf* tesettur* sakal* dua ibadet* rahibe* rahip* imamlar musluman* hristiyan* "
        "hiristiyan* yahudi* budis* dindar* din dini",
        "ru": "религ* вера мечет* церк* собор* монастыр* синагог* храм храмы хиджаб* платок* "
        "никаб* чадра паранджа* борода* бородат* молит* молящ* монах* священник* мусульман* "
        "христиан* православ* католи* иуде* буддис* индуис* ислам* крест кресты",
        "uk": "реліг* віра мечет* церк* собор* монастир* синагог* храм храми хіджаб* хустк* "
        "нікаб* борода* бородат* молит* чернец* черниц* священик* мусульман* християн* "
        "православ* католи* іуде* юде* буддис* індуїс* іслам* хрест хрести",
        "ar": "دين ديني ديانة مسجد مساجد كنيسة كنائس كنيس معبد دير حجاب نقاب برقع خمار عباية "
        "عمامة لحية صلاة مصلي راهبة راهب قس امام مسلم مسلمة مسلمين مسيحي مسيحية يهودي يهودية "
        "بوذي هندوسي شيعي سني صليب",
        "fa": "دین دینی مذهب مذهبی مسجد کلیسا کنیسه معبد حجاب روسری نقاب چادر برقع عمامه ریش "
        "نماز راهبه راهب روحانی آخوند مسلمان مسیحی یهودی بودایی هندو شیعه سنی بهایی صلیب",
        "he": "דת דתי דתית דתיים מסגד כנסייה כנסיה מקדש מנזר חיגאב חיג'אב ניקאב רעלה כיסוי כיפה "
        "טורבן זקן תפילה נזירה נזיר כומר אימאם רב רבנים מוסלמי נוצרי בודהיסט הינדי צלב חרדי "
        "חרדים",
        "zh": "宗教 信仰 穆斯林 伊斯兰 伊斯蘭 回教 基督 天主教 佛教 印度教 锡克 錫克 道教 犹太教 "
        "猶太教 清真 教堂 教会 教會 寺庙 寺廟 寺院 佛寺 庙 廟 修道院 头巾 頭巾 面纱 面紗 罩袍 "
        "蒙面 胡子 鬍子 胡须 鬍鬚 祈祷 祈禱 礼拜 禮拜 修女 神父 牧师 牧師 僧侣 僧侶 和尚 尼姑 "
        "阿訇 伊玛目 十字架",
        "ja": "宗教 信仰 イスラム ムスリム キリスト カトリック 仏教 ヒンドゥー シク教 ユダヤ教 "
        "モスク 教会 寺院 神社 修道院 ヒジャブ ヒジャーブ ニカブ ブルカ ターバン ベール ヴェール "
        "ひげ 髭 ヒゲ 祈り 礼拝 修道女 神父 牧師 僧侶 イマーム 十字架",
        "ko": "종교 신앙 이슬람 무슬림 기독교 천주교 가톨릭 불교 힌두 시크교 유대교 모스크 "
        "이슬람사원 교회 성당 사찰 사원 수도원 히잡 니캅 부르카 터번 베일 스카프 수염 기도 예배 "
        "수녀 신부 목사 승려 스님 이맘 십자가",
        "hi": "धर्म धार्मिक मुस्लिम मुसलमान इस्लाम ईसाई हिंदू हिन्दू सिख बौद्ध जैन मस्जिद "
        "गिरजाघर चर्च मंदिर मन्दिर गुरुद्वारा हिजाब नकाब बुर्का दुपट्टा पगड़ी दाढ़ी नमाज "
        "प्रार्थना पूजा पुजारी इमाम नन पादरी तिलक बिंदी",
        "id": "agama* masjid* gereja* kuil candi vihara* sinagoge* jilbab* kerudung* cadar "
        "sorban* jenggot* janggut* doa sholat* salat shalat biarawati* pendeta* pastor* ulama* "
        "muslimah* kristen* katolik* buddhis* iman",
        "sw": "dini kidini msikiti misikiti kanisa makanisa hekalu mahekalu hijabu* mtandio "
        "baibui ndevu sala kasisi mtawa watawa shehe sheikh* mwislamu waislamu uislamu* mkristo "
        "wakristo ukristo* mhindu wahindu",
    },
    "sex or gender": {
        "en": "*female* *woman* *women* *girl* *boy* *male* gender* sex sexes trans "
        "*transgender* *transsexual* transvestite* man men *gentleman* *gentlemen* lady ladies "
        "guy guys masculin* feminin* nonbinary* cisgender* intersex* mother* father* wife "
        "husband bride brides groom mustache* moustache* lipstick* makeup* policeman fireman "
        "womyn* daughter* son sons sister* brother* aunt aunts uncle uncles niece* nephew* "
        "actress* actor actors housewife* housewives* wives milf* shemale* tranny trannies "
        "waitress* mr mrs",
        "de": "geschlecht* mann manner mannlich* frau frauen weiblich* weib weiber madchen* "
        "junge jungen dame damen herr herren mutter vater",
        "fr": "genre genres sexe sexes homme* femme* masculin* feminin* fille filles garcon* "
        "dame dames monsieur mere",
        "es": "genero* sexo hombre* mujer* masculino* femenin* femenino* chica chicas chico "
        "chicos varon* hembra* madre padre senora* senor",
        "pt": "genero* homem homens mulher* masculino* feminino* menina* menino* rapaz* moca "
        "moco macho femea*",
        "it": "genere generi sesso uomo uomini donna donne maschi* maschio* femmin* ragazza* "
        "ragazzo* signora*",
        "nl": "geslacht* mannen mannelijk* vrouw* vrouwelijk* meisje* jongen jongens dames heren "
        "moeder*",
        "pl": "plec plci plciow* mezczyzn* mezczyzna kobiet* kobieta meski* zensk* dziewczyn* "
        "chlopak* chlopiec* matka",
        "tr": "cinsiyet* kadin* erkek* kiz kizlar oglan* bayan* anne baba hanim*",
        "ru": "пол пола гендер* мужчин* мужск* мужик* женщин* женск* девушк* девочк* девчон* "
        "парень парни мальчик* дама дамы мать",
        "uk": "стать статі гендер* чоловік* чоловіч* жінка жінки жінок жіноч* дівчин* дівчат* "
        "хлопец* хлопці хлопчик* мати",
        "ar": "جنس جندر رجل رجال امراة نساء انثى اناث ذكر ذكور ذكري انثوي فتاة فتيات بنت بنات "
        "ولد صبي سيدة",
        "fa": "جنسیت جندر مرد مردان مردانه زن زنان زنانه مونث مذکر دختر دختران پسر پسران خانم "
        "آقا بانو",
        "he": "מין מגדר גבר גברים גברי אישה אשה נשים נשי זכר זכרים נקבה נקבות ילדה נערה בחורה "
        "בחור בנות",
        "zh": "性别 性別 男 女 雄性 雌性 先生 太太 小姐 跨性 变性 變性",
        "ja": "性別 男 女 ジェンダー 彼氏 彼女 少年 お姉 トランスジェンダー",
        "ko": "성별 젠더 남자 여자 남성 여성 소년 소녀 아가씨 아줌마 아저씨 트랜스젠더",
        "hi": "लिंग जेंडर पुरुष महिला स्त्री औरत आदमी मर्द लड़का लड़की लड़के लड़कियाँ",
        "id": "gender* kelamin* pria wanita* perempuan* lelaki* cewek* cowok* gadis* ibu bapak",
        "sw": "jinsia* mwanamume wanaume mwanamke wanawake mvulana wavulana msichana wasichana "
        "kiume kike mama",
    },
    "an age: who is a minor is never inferred": {
        "en": "age ages aged ageing aging agegroup* minor minors child children *childlike* kid "
        "kids baby babies infant* newborn* toddler* teen teens teenag* preteen* tween* adult "
        "adults adulthood elder* senior seniors old young younger youth* underage* adolescen* "
        "juvenile* *schoolkid* pupil pupils student students puberty puberal prepube* *loli* "
        "shota lolita* grandma* grandpa* grandmother* grandfather* wrinkle* middleaged* "
        "generation* birthdate* birthyear*",
        "de": "alter altersgruppe* altersklasse* jung junge jugend* kind kinder kindlich* "
        "saugling* kleinkind* erwachsen* minderjahr* volljahr* senioren* rentner* schuler* "
        "greis*",
        "fr": "enfant* bebe* mineur* adulte* vieux vieille vieillard* jeune* adolescent* ado "
        "ados nourrisson* aine aines retraite*",
        "es": "edad edades nino ninos nina ninas bebe* menor menores adulto* anciano* anciana* "
        "joven jovenes adolescente* viejo* vieja* infantil*",
        "pt": "idade idades crianca* bebe* menor menores adulto* idoso* idosa* jovem jovens "
        "adolescente* velho* velha* infantil*",
        "it": "eta bambin* neonat* minore minori minorenne* adulto* adulti adulta anzian* "
        "giovane* giovani adolescent* vecchio vecchi vecchia",
        "nl": "leeftijd* kind kinderen kinder* baby* minderjarig* volwassen* bejaard* ouderen "
        "jong jonge jongeren tiener* peuter* kleuter*",
        "pl": "wiek wieku dziecko dzieci dzieciec* niemowl* nieletni* maloletni* nastolat* "
        "dorosl* starsz* starzec* mlody mloda mlodziez* stary stara",
        "tr": "yas yasi yasli* cocuk* bebek* ergen* genc gencler yetiskin* resit*",
        "ru": "возраст* ребен* ребён* дети детск* детей малыш* младен* подрост* несовершеннолет* "
        "взросл* пожил* старик* старуш* молод* юнош* школьни*",
        "uk": "вік віку вікова дитин* діти дітей дитяч* немовл* підліт* неповноліт* доросл* "
        "літні похил* старий стара молод* юнак* школяр*",
        "ar": "عمر اعمار سن طفل طفلة اطفال رضيع قاصر قصر مراهق مراهقة بالغ بالغين شاب شباب مسن "
        "مسنين عجوز كهل صغير",
        "fa": "سن سنی کودک کودکان بچه نوزاد نوجوان جوان جوانان بزرگسال خردسال سالمند پیر پیرمرد "
        "پیرزن نابالغ",
        "he": "גיל גילאים ילד ילדים תינוק תינוקות פעוט קטין קטינה קטינים נער נערים מתבגר מבוגר "
        "מבוגרים קשיש קשישים זקנים צעיר צעירים",
        "zh": "年龄 年齡 岁 歲 儿童 兒童 小孩 孩子 婴儿 嬰兒 幼儿 幼兒 少年 少女 未成年 青少年 "
        "青年 年轻 年輕 成年 成人 中年 老年 老人 幼童 萝莉 蘿莉",
        "ja": "年齢 年令 歳 子供 子ども こども 児童 赤ちゃん 赤ん坊 幼児 乳児 少年 少女 未成年 "
        "青年 若者 若い 成人 大人 中年 老人 高齢 年寄り ロリ ショタ",
        "ko": "나이 연령 아이 어린이 아동 아기 유아 영아 소년 소녀 청소년 미성년 십대 청년 젊은 "
        "성인 어른 중년 노인 노년 고령 로리 쇼타",
        "hi": "आयु उम्र बच्चा बच्चे बच्ची बालक बालिका शिशु नाबालिग किशोर किशोरी वयस्क युवा बूढ़ा बुजुर्ग वृद्ध",
        "id": "usia umur anak anak-anak bayi balita remaja* dewasa* lansia tua muda bocah*",
        "sw": "umri mtoto watoto mchanga kijana vijana mzee wazee utoto",
    },
    "a disability or a state of health": {
        "en": "disab* handicap* wheelchair* blind blindness deaf deafness autis* amputee* "
        "amputat* prosthe* downsyndrome* *downsyndrome* crutch crutches cripple* paraly* "
        "paraplegi* hearingaid* whitecane* retard* dwarf dwarves dwarfism* albin* obese obesity "
        "overweight anorexi* pregnan* hiv mentalhealth* mentalillness* disease* diagnos* "
        "dementia* epilep* adhd trisom* mute mutes bipolar* schizophren* *hearingimpair* "
        "*visuallyimpair* *impaired* asperger* dyslexi* palsy tourette* vitiligo* fat fats",
        "de": "behinder* rollstuhl* blinde blinder taub gehorlos* gelahmt* prothese* krucke* "
        "schwanger* krankheit* fettleibig* ubergewicht*",
        "fr": "aveugle* sourd sourde sourds fauteuil* prothese* enceinte maladie* obese* "
        "trisomi* invalide*",
        "es": "discapac* minusval* ciego* ciega* sordo* sorda* silladeruedas* *silladeruedas* "
        "protesis* embaraz* enfermedad* obes* invalid*",
        "pt": "deficien* cego cega cegos surdo* surda* cadeiraderodas* protese* gravid* gravida "
        "doenca* obes* invalid*",
        "it": "disabil* cieco ciechi cieca sordo sordi sedia* protesi* incinta* malatti* obes* "
        "invalid*",
        "nl": "gehandicapt* beperking* rolstoel* blinde* dove doven prothese* zwanger* ziekte* "
        "zwaarlijvig*",
        "pl": "niepelnospr* inwalid* wozek* wozkiem niewidom* slep* gluch* proteza protezy ciaza "
        "ciazy choroba choroby otyl*",
        "tr": "engelli* ozurlu* tekerleklisandalye* tekerlekli* korler sagir* protez* hamile* "
        "hasta hastalik* obez*",
        "ru": "инвалид* коляск* слепой слепые слепот* глухой глухие глухот* протез* беремен* "
        "болезн* ожирен* аутизм* аутист* даун",
        "uk": "інвалід* візок візки сліпий сліпі глухий глухі протез* вагітн* хвороб* ожирін* "
        "аутизм* аутист*",
        "ar": "اعاقة معاق معاقين عجز كفيف اعمى مكفوف اصم صم كرسيمتحرك توحد حامل حمل مرض سمنة بدين",
        "fa": "معلول معلولیت ناتوان ناتوانی نابینا کور ناشنوا کر ویلچر اوتیسم باردار بیماری چاق "
        "چاقی",
        "he": "נכה נכים נכות מוגבלות מוגבל עיוור עיוורון חירש חירשים כיסאגלגלים גלגלים אוטיזם "
        "אוטיסט הריון בהריון מחלה השמנה",
        "zh": "残疾 殘疾 残障 殘障 轮椅 輪椅 盲人 失明 聋 聾 自闭 自閉 截肢 假肢 义肢 義肢 唐氏 "
        "怀孕 懷孕 孕妇 孕婦 疾病 肥胖 拐杖",
        "ja": "障害 障碍 障がい 車椅子 車いす 盲目 視覚障 聴覚障 聾 自閉 義足 義手 切断者 "
        "ダウン症 妊娠 妊婦 病気 肥満",
        "ko": "장애 휠체어 시각장애 맹인 청각장애 농인 자폐 의족 의수 절단장애 다운증후군 임신 "
        "임산부 질병 비만",
        "hi": "विकलांग दिव्यांग अपंग अंधा नेत्रहीन बहरा बधिर व्हीलचेयर गर्भवती बीमारी मोटापा",
        "id": "disabilit* difabel* cacat kursiroda* *kursiroda* buta tuli tunanetra* tunarungu* "
        "hamil* penyakit* obesitas*",
        "sw": "ulemavu* mlemavu walemavu kipofu vipofu kiziwi viziwi mjamzito wajawazito ugonjwa",
    },
    "a political view": {
        "en": "politic* party parties partisan* communis* conservativ* liberal* democrat* "
        "republican* socialis* anarchis* leftist* leftwing* rightwing* protester* protestor* "
        "protest protests demonstrator* activis* dissident* ideolog* voter voters election* "
        "elector* trump maga antifa campaign* propaganda* opposition* unionist* tradeunion* "
        "monarchis*",
        "de": "politisch* politik* partei* kommunis* sozialis* konservativ* wahler* demonstrant* "
        "aktivist* anarchis* linke rechte",
        "fr": "politiq* parti partis communis* conservateur* manifestant* militant* electeur* "
        "electoral* gauchiste*",
        "es": "politico* politica* partido* comunis* conservador* manifestante* activista* "
        "votante*",
        "pt": "partidos comunis* conservador* manifestante* ativista* eleitor*",
        "it": "politici politiche partito partiti comunis* conservator* manifestant* attivist* "
        "elettor*",
        "nl": "politiek* partij* communis* conservatief* betoger* demonstrant* activist* kiezer*",
        "pl": "polity* partia partie komunis* konserwatyst* demonstrant* aktywist* wyborc*",
        "tr": "siyasi* siyaset* parti partisi komunis* muhafazakar* gosterici* eylemci* "
        "aktivist* secmen*",
        "ru": "полити* партия партии коммунис* консерват* демонстрант* протест* активист* "
        "избирател* оппозиц* либерал*",
        "uk": "політи* партія партії комуніс* консерват* демонстрант* протест* активіст* виборц* "
        "опозиц* ліберал*",
        "ar": "سياسي سياسية سياسة حزب احزاب حزبي شيوعي اشتراكي محافظ متظاهر متظاهرين ناشط معارض "
        "معارضة ليبرالي",
        "fa": "سیاسی سیاست حزب حزبی کمونیست سوسیالیست محافظهکار معترض معترضان تظاهرکننده فعال "
        "اپوزیسیون",
        "he": "פוליטי פוליטית פוליטיקה מפלגה מפלגות מפלגתי קומוניסט סוציאליסט שמרני מפגין "
        "מפגינים פעיל אופוזיציה שמאלני ימני",
        "zh": "政治 政党 政黨 党派 黨派 党员 黨員 共产 共產 社会主义 社會主義 保守派 自由派 "
        "民主派 抗议 抗議 示威 活动人士 異見 异见 左派 右派 选民 選民",
        "ja": "政治 政党 党派 党員 共産 社会主義 保守派 リベラル 抗議 デモ参加 活動家 左翼 右翼 "
        "有権者",
        "ko": "정치 정당 당파 당원 공산 사회주의 보수주의 진보주의 시위 집회 활동가 좌파 우파 "
        "유권자",
        "hi": "राजनीति राजनीतिक दल पार्टी कम्युनिस्ट साम्यवादी समाजवादी रूढ़िवादी प्रदर्शनकारी मतदाता",
        "id": "politik* partai* komunis* sosialis* konservatif* demonstran* pengunjukrasa* "
        "aktivis* pemilih*",
        "sw": "siasa* kisiasa* chama vyama mkomunisti wakomunisti mwandamanaji waandamanaji "
        "mwanaharakati wanaharakati mpigakura",
    },
    "a sexual orientation": {
        "en": "orientation* gay gays lesbian* bisexual* *homosexual* *heterosexual* hetero homo "
        "homos straight faggot* fag fags dyke* queer* *lgbt* lgbtq* asexual* "
        "pansexual* pride rainbowflag* sodom* tribad*",
        "de": "schwul* lesb* orientierung* bisexuel* homosexuel* heterosexuel*",
        "fr": "lesbienne* orientation* bisexuel* homosexuel* heterosexuel* homo homos",
        "es": "lesbian* orientacion* bisexual* homosexual* maricon* marica*",
        "pt": "lesbica* orientacao* bissexua* homossexua* heterossexua*",
        "it": "lesbic* orientamento* bisessual* omosessual* eterosessual*",
        "nl": "lesbisch* geaardheid* homoseksue* biseksue* heteroseksue*",
        "pl": "lesbij* orientacj* homoseksual* biseksual* heteroseksual* gej geje",
        "tr": "lezbiyen* yonelim* escinsel* biseksuel* heteroseksuel* gey",
        "ru": "гей геи лесби* ориентац* гомосексуал* бисексуал* гетеросексуал* лгбт* квир*",
        "uk": "гей геї лесбі* орієнтац* гомосексуал* бісексуал* гетеросексуал* лгбт* квір*",
        "ar": "مثلي مثلية مثليين شاذ شواذ لوطي سحاقية سحاقيات ميول ثنائيالميل",
        "fa": "همجنسگرا همجنسگرایی همجنس لزبین گی دوجنسگرا گرایش",
        "he": "הומו הומוסקסואל לסבית לסביות ביסקסואל גאה גאווה נטייה להטב להטבק סטרייט",
        "zh": "同性恋 同性戀 同志 双性恋 雙性戀 异性恋 異性戀 性取向 性倾向 性傾向 酷儿 酷兒 "
        "蕾丝边 彩虹旗",
        "ja": "同性愛 両性愛 異性愛 性的指向 ゲイ レズビアン レズ バイセクシュアル クィア",
        "ko": "동성애 양성애 이성애 성적지향 성지향 게이 레즈비언 퀴어",
        "hi": "समलैंगिक उभयलिंगी विषमलैंगिक यौनअभिविन्यास गे लेस्बियन",
        "id": "lesbi* biseksual* homoseksual* heteroseksual* orientasi*",
        "sw": "shoga mashoga msagaji wasagaji basha mapenzijinsia",
    },
    "a uniform or a livery: dress stands for who somebody is": {
        "en": "uniform* livery costume* robe robes gown gowns",
        "de": "uniformiert* tracht trachten",
        "es": "uniforme* disfraz*",
        "ru": "униформ* мундир*",
        "zh": "制服 军装 軍裝",
        "ja": "制服 軍服",
        "ko": "제복 군복 교복",
        "ar": "زي ازياء",
        "id": "seragam*",
    },
}

_IMAGENET = {
    399: "abaya",
    497: "church",
    652: "military uniform",
    663: "monastery",
    668: "mosque",
    741: "prayer rug",
    832: "stupa",
    887: "vestment",
}
"""Classes of ImageNet-1k, by index, that stand for a religion or for who somebody is."""

_WORDNET = {
    "02667093": 399, "03028079": 497, "03763968": 652, "03781244": 663, "03788195": 668,
    "03998194": 741, "04346328": 832, "04532106": 887,
}  # fmt: skip
"""The same classes by their WordNet 3.0 number, as ``n03788195`` names one."""

_PEOPLE = range(9_600_000, 11_400_000)
"""WordNet 3.0 keeps its nouns for persons together: their numbers, and some around them."""

_PERSON = 7_846
"""``n00007846``, the person at the root of them."""

_OPEN_IMAGES = {
    "01g317": "person", "04yx4": "man", "03bt1vf": "woman", "01bl7v": "boy", "05r655": "girl",
    "02p0tk3": "human body", "014sv8": "human eye", "04hgtk": "human head",
    "0dzct": "human face", "0283dt1": "human mouth", "039xj_": "human ear",
    "0k0pj": "human nose", "03q69": "human hair", "0k65p": "human hand", "031n1": "human foot",
    "0dzf4": "human arm", "035r7c": "human leg", "015h_t": "human beard",
}  # fmt: skip
"""Classes of Open Images, by machine id without its ``/m/``, that are people or parts of them."""

_WHOLE = {
    "m", "f", "w", "mf", "fm", "morf", "ms", "miss", "sir", "madam", "he", "she", "him",
    "her", "hers",
}  # fmt: skip
"""What names a sex where it is all that a label says."""

_AGE = re.compile(
    r"((?:over|under|above|below|more|less|older|younger|greater|than|up|to|at|least|from|gt|lt"
    r"|[\W_])*+)(\d{1,3})(?:(?:to|and|[\W_])++(\d{1,3}))?"
    r"((?:plus|and|or|over|under|above|below|more|less|older|younger|up|years?|yrs?|yo|y|s"
    r"|[\W_])*+)"
)
"""An age or a range of ages, where it is all that a label says."""

_OLDEST = 130

_STANDS_FOR = "a class of ImageNet that stands for a religion or for who somebody is"

_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LONG = {True: 7, False: 5}
"""A word of so many letters, Latin or others, is found anywhere: hardly another word holds it."""

_PLURALS = ("", "s", "es", "n", "en", "er")
_PREFIXES = ("ال", "وال", "بال", "لل", "ה", "ו", "ב", "ל")
"""What Arabic and Hebrew write as one with the word that follows."""

_HARMLESS = re.compile(
    r"\bsex[\W_]*(?:toy|act|scene)s?\b|\b(?:Stateful)?PartitionedCall", re.IGNORECASE
)
"""Where the word for a person's sex means an act or a thing, and how TensorFlow names outputs."""

_WORDS: dict[str, str] = {}
_STEMS: dict[str, str] = {}
_PARTS: dict[str, str] = {}


def _enter(term: str, reason: str) -> None:
    word = "".join(c for c in fold(term) if c not in "*-'")
    if term.startswith("*") or len(word) >= _LONG[word.isascii()] or _UNSPACED.search(word):
        _PARTS.setdefault(word, reason)
    elif term.endswith("*"):
        _STEMS.setdefault(word, reason)
    else:
        _WORDS.setdefault(word, reason)


for _reason, _languages in _GROUPS.items():
    for _terms in _languages.values():
        for _term in _terms.split():
            _enter(_term, _reason)

_LONGEST = max(map(len, _PARTS))
_LONGEST_STEM = max(map(len, _STEMS))
_HEAD = 3
_HEADS = {part[:_HEAD] for part in _PARTS}


def check(label: str) -> Refusal | None:
    """Return why this label must not be mapped, or ``None`` where it may.

    Args:
        label: A model's label, in any spelling: ``FACE_FEMALE``, ``ageGroup``, ``wom4n``.
    """
    for words in readings(_HARMLESS.sub(" ", label)):
        joined = "".join(words)
        for word in (*words, joined):
            for form in _forms(word):
                if form in _WORDS:
                    return Refusal(label, form, _WORDS[form])
                for end in range(2, min(len(form), _LONGEST_STEM) + 1):
                    if (stem := form[:end]) in _STEMS:
                        return Refusal(label, form, _STEMS[stem])
        if (part := _part(joined)) is not None:
            return Refusal(label, part, _PARTS[part])
    for word, reason in (*_whole(label), *_numbers(label)):
        return Refusal(label, word, reason)
    return None


def check_place(index: int, count: int) -> Refusal | None:
    """Return why the output at this place must not be mapped, or ``None`` where it may.

    Args:
        index: Column of the output, from 0.
        count: Number of columns. Those of ImageNet are 1000, or 1001 where the first is
            the background.
    """
    name = _IMAGENET.get(index - (count - 1000)) if count in (1000, 1001) else None
    return None if name is None else Refusal(f"#{index}", name, _STANDS_FOR)


def _part(text: str) -> str | None:
    """Return the first of the words that are found anywhere."""
    for start in range(len(text)):
        # Hardly any place of a text begins like such a word.
        known = text[start : start + _HEAD] in _HEADS
        for length in range(1, (_LONGEST if known else _HEAD - 1) + 1):
            if (part := text[start : start + length]) in _PARTS:
                return part
    return None


def _whole(label: str) -> Iterator[tuple[str, str]]:
    """Yield what is refused where a label says nothing else: ``M``, ``20-29``, ``18+``."""
    text = fold(digits(label))
    if (word := re.sub(r"[\W_]+", "", re.sub(r"^\d+[\W_]+", "", text))) in _WHOLE:
        yield word, "sex or gender"
    if (age := _AGE.fullmatch(text)) is None:
        return
    before, first, last, after = age.groups()
    told = last is not None or re.search(r"[^\W_]|[<>≤≥+]", before + after)
    if told and max(int(first), int(last or 0)) <= _OLDEST:
        yield first if last is None else f"{first}-{last}", "an age"


def _numbers(label: str) -> Iterator[tuple[str, str]]:
    """Yield classes of ImageNet, WordNet and Open Images that are named by number."""
    text = fold(digits(label))
    joined = re.sub(r"[\W_]+", "", text)
    for number in re.findall(r"\d+", f"{text} {joined}"):
        place = _WORDNET.get(number[-8:], int(number) if len(number) <= 6 else -1)
        if place in _IMAGENET:
            yield _IMAGENET[place], _STANDS_FOR
        synset = int(number[-8:])
        if len(number) >= 7 and (synset in _PEOPLE or synset == _PERSON):
            yield "person", "people, by their number in WordNet"
    for mid, word in _OPEN_IMAGES.items():
        if mid.replace("_", "") in joined:
            yield word, "people, by their id in Open Images"


def _forms(word: str) -> list[str]:
    """Return a word without endings of the plural and without articles."""
    forms = [word.removesuffix(ending) for ending in _PLURALS if word.endswith(ending)]
    forms += [word.removeprefix(prefix) for prefix in _PREFIXES if word.startswith(prefix)]
    return [form for form in forms if len(form) > 1 or form == word]
